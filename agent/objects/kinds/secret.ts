import type { FieldPath } from '../field-path.ts';
import { invalid, required, type FieldProblem } from '../field-problem.ts';
import { isJsonObject } from '../json.ts';
import type { Secret } from '../types.ts';
import { decodedBytes, isBase64, mapValues, oneLine, validateBase64, validateKeys, validateSize } from './data.ts';
import type { KindRules } from './rules.ts';

/** Stands in messages where a value would be, in upstream's words. */
export const REDACTED = '<secret contents redacted>';

const BASIC_AUTH_KEYS = ['username', 'password'];
const TLS_KEYS = ['tls.crt', 'tls.key'];
const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name';

/** Secret, as `ValidateSecret` has it. No message shows a value. */
export const secretRules: KindRules<'Secret'> = {
  fields: { type: 'string', data: { map: 'string' }, stringData: { map: 'string' }, immutable: 'boolean' },
  namespaced: true,
  validate: validateSecret,
  complete: ({ stringData, ...object }) => ({
    ...object,
    type: object.type || 'Opaque',
    data: mergeData(object.data, stringData),
  }),
  secret: true,
};

/** `stringData` wins over `data` (pkg/apis/core/v1/conversion.go). @returns base64 */
function mergeData(
  data: Readonly<Record<string, string>> = {},
  stringData: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { ...oneLine(data), ...mapValues(stringData, (value) => Buffer.from(value).toString('base64')) };
}

function validateSecret(secret: Secret, base: FieldPath): readonly FieldProblem[] {
  const [dataPath, textPath] = [
    [...base, 'data'],
    [...base, 'stringData'],
  ];
  const merged = mergeData(secret.data, secret.stringData);
  return [
    ...validateKeys(secret.data, dataPath),
    ...validateKeys(secret.stringData, textPath),
    ...validateBase64(secret.data, dataPath, REDACTED),
    ...validateSize(decodedBytes(merged), secret.data === undefined ? textPath : dataPath),
    ...validateType(secret, merged, base),
  ];
}

/** What a Secret of a type must have (pkg/apis/core/types.go, `SecretType`). Types of one's own must have nothing. */
function validateType(
  { type = '', metadata }: Secret,
  data: Readonly<Record<string, string>>,
  base: FieldPath,
): readonly FieldProblem[] {
  const at = (key: string): FieldPath => [...base, 'data', { key }];
  const missing = (keys: readonly string[]): readonly string[] => keys.filter((key) => !Object.hasOwn(data, key));
  switch (type) {
    case 'kubernetes.io/service-account-token':
      return metadata.annotations[SERVICE_ACCOUNT_NAME] ? [] : [required(annotationPath(base))];
    case 'kubernetes.io/basic-auth':
      // Either may be left out, or be empty.
      return missing(BASIC_AUTH_KEYS).length < 2 ? [] : BASIC_AUTH_KEYS.map((key) => required(at(key)));
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required(at('ssh-privatekey'))];
    case 'kubernetes.io/tls':
      return missing(TLS_KEYS).map((key) => required(at(key)));
    case 'kubernetes.io/dockercfg':
      return validateDockerConfig(data['.dockercfg'], at('.dockercfg'));
    case 'kubernetes.io/dockerconfigjson':
      return validateDockerConfig(data['.dockerconfigjson'], at('.dockerconfigjson'));
    default:
      return [];
  }
}

function annotationPath(base: FieldPath): FieldPath {
  return [...base, 'metadata', 'annotations', { key: SERVICE_ACCOUNT_NAME }];
}

/** The parser's own message would show a part of the text. */
function validateDockerConfig(base64: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (base64 === undefined) return [required(path)];
  if (!isBase64(base64)) return [];
  try {
    if (isJsonObject(JSON.parse(Buffer.from(base64, 'base64').toString()))) return [];
  } catch {
    // Told below.
  }
  return [invalid(path, REDACTED, 'must be a JSON object')];
}
