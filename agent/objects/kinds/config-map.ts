import type { FieldPath } from '../field-path.ts';
import { invalid, type FieldProblem } from '../field-problem.ts';
import type { ConfigMap } from '../types.ts';
import { decodedBytes, oneLine, validateBase64, validateKeys, validateSize } from './data.ts';
import type { KindRules } from './rules.ts';

/**
 * ConfigMap, as `ValidateConfigMap` has it. An edited file stands for an object that was deleted and made anew, so that
 * `immutable` forbids no edit here: it tells readers that they need not look again.
 */
export const configMapRules: KindRules<'ConfigMap'> = {
  fields: { data: { map: 'string' }, binaryData: { map: 'string' }, immutable: 'boolean' },
  namespaced: true,
  validate: validateConfigMap,
  complete: (object) =>
    object.binaryData === undefined ? object : { ...object, binaryData: oneLine(object.binaryData) },
};

function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap, base: FieldPath): readonly FieldProblem[] {
  const [dataPath, binaryPath] = [
    [...base, 'data'],
    [...base, 'binaryData'],
  ];
  const textBytes = Object.values(data).reduce((total, value) => total + Buffer.byteLength(value), 0);
  return [
    ...validateKeys(data, dataPath),
    ...validateKeys(binaryData, binaryPath),
    ...Object.keys(binaryData)
      .filter((key) => Object.hasOwn(data, key))
      .map((key) => invalid([...binaryPath, { key }], key, 'must not be a key of data too')),
    ...validateBase64(binaryData, binaryPath),
    ...validateSize(textBytes + decodedBytes(binaryData), dataPath),
  ];
}
