import type { FieldPath } from '../field-path.ts';
import { forbidden, required, unsupported, type FieldProblem } from '../field-problem.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from '../names.ts';
import type { Shape } from '../schema.ts';
import type { PersistentVolumeClaim } from '../types.ts';
import { check, syntax } from '../validate-metadata.ts';
import type { KindRules } from './rules.ts';
import { notSupported, validateAccessModes, validateClassName, validateSize, validateVolumeMode } from './storage.ts';

type Spec = NonNullable<PersistentVolumeClaim['spec']>;
type Selector = NonNullable<Spec['selector']>;
type Requirement = NonNullable<Selector['matchExpressions']>[number];

/** Fields that ask for a provisioner, of which a node on its own has none. */
const PROVISIONED = ['dataSource', 'dataSourceRef', 'volumeAttributesClassName'] as const;
const WITH_VALUES = ['In', 'NotIn'];
const WITHOUT_VALUES = ['Exists', 'DoesNotExist'];

const requirement: Shape = { fields: { key: 'string', operator: 'string', values: { list: 'string' } } };

const spec: Shape = {
  fields: {
    ...Object.fromEntries(PROVISIONED.map((name): [string, Shape] => [name, 'any'])),
    accessModes: { list: 'string' },
    resources: { fields: { limits: { map: 'quantity' }, requests: { map: 'quantity' } } },
    selector: { fields: { matchLabels: { map: 'string' }, matchExpressions: { list: requirement } } },
    storageClassName: 'string',
    volumeMode: 'string',
    volumeName: 'string',
  },
};

/** PersistentVolumeClaim, as `ValidatePersistentVolumeClaim` has it. */
export const persistentVolumeClaimRules: KindRules<'PersistentVolumeClaim'> = {
  fields: { spec },
  namespaced: true,
  validate: (claim, base) => validateSpec(claim.spec ?? {}, [...base, 'spec']),
  complete: (claim) => ({
    ...claim,
    spec: { ...claim.spec, volumeMode: claim.spec?.volumeMode ?? 'Filesystem' },
  }),
};

function validateSpec(claim: Spec, path: FieldPath): readonly FieldProblem[] {
  const storage = claim.resources?.requests?.['storage'];
  return [
    ...validateAccessModes(claim.accessModes ?? [], [...path, 'accessModes']),
    ...validateSize(storage, [...path, 'resources', 'requests', { key: 'storage' }]),
    ...validateSelector(claim.selector ?? {}, [...path, 'selector']),
    ...validateClassName(claim.storageClassName, [...path, 'storageClassName']),
    ...validateVolumeMode(claim.volumeMode, [...path, 'volumeMode']),
    ...(claim.volumeName ? check(claim.volumeName, dns1123Subdomain, [...path, 'volumeName']) : []),
    ...PROVISIONED.filter((name) => claim[name] !== undefined).map((name) => notSupported([...path, name])),
  ];
}

/** As apimachinery's `ValidateLabelSelector`. */
function validateSelector(selector: Selector, path: FieldPath): readonly FieldProblem[] {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return [
    ...Object.entries(matchLabels).flatMap(([key, value]) => [
      ...check(key, qualifiedName, [...path, 'matchLabels']),
      ...check(value, labelValue, [...path, 'matchLabels', { key }]),
    ]),
    ...matchExpressions.flatMap((one, index) => validateRequirement(one, [...path, 'matchExpressions', index])),
  ];
}

function validateRequirement(one: Partial<Requirement>, path: FieldPath): readonly FieldProblem[] {
  const { key, operator = '', values = [] } = one;
  return [
    ...syntax(key, qualifiedName, [...path, 'key']),
    ...validateOperator(operator, values, path),
    ...values.flatMap((value, index) => check(value, labelValue, [...path, 'values', index])),
  ];
}

function validateOperator(operator: string, values: readonly string[], path: FieldPath): readonly FieldProblem[] {
  if (WITH_VALUES.includes(operator)) {
    return values.length > 0 ? [] : [required([...path, 'values'], "must be given when operator is 'In' or 'NotIn'")];
  }
  if (WITHOUT_VALUES.includes(operator)) {
    return values.length === 0
      ? []
      : [forbidden([...path, 'values'], "may not be given when operator is 'Exists' or 'DoesNotExist'")];
  }
  return [unsupported([...path, 'operator'], operator, [...WITH_VALUES, ...WITHOUT_VALUES])];
}
