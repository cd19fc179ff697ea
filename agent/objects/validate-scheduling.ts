import type { FieldPath } from './field-path.ts';
import { duplicate, forbidden, given, invalid, required, unsupported, type FieldProblem } from './field-problem.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from './names.ts';
import type { PodSpec } from './types.ts';
import { check, syntax } from './validate-metadata.ts';
import { oneOf, positive } from './validate-values.ts';

type Toleration = NonNullable<PodSpec['tolerations']>[number];
type NodeAffinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
type NodeSelector = NonNullable<NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']>;
type SelectorTerm = NodeSelector['nodeSelectorTerms'][number];
type Requirement = Partial<NonNullable<SelectorTerm['matchExpressions']>[number]>;
type Preference = Partial<NonNullable<NodeAffinity['preferredDuringSchedulingIgnoredDuringExecution']>[number]>;
type Spread = NonNullable<PodSpec['topologySpreadConstraints']>[number];

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const TOLERATION_OPERATORS = ['Equal', 'Exists'];
const SPREAD_ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];

/** Checks what a pod says of the nodes that it may run on. What it says of other pods is the scheduler's to check. */
export function validateScheduling(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { nodeSelector = {}, tolerations = [], affinity, topologySpreadConstraints: spread = [] } = spec;
  return [
    ...Object.entries(nodeSelector).flatMap(([key, value]) => [
      ...syntax(key, qualifiedName, [...path, 'nodeSelector']),
      ...check(value, labelValue, [...path, 'nodeSelector', { key }]),
    ]),
    ...given(affinity?.nodeAffinity, (one) => validateNodeAffinity(one, [...path, 'affinity', 'nodeAffinity'])),
    ...tolerations.flatMap((one, index) => validateToleration(one, [...path, 'tolerations', index])),
    ...spread.flatMap((one, index) =>
      validateSpread(one, spread.slice(0, index), [...path, 'topologySpreadConstraints', index]),
    ),
  ];
}

/** `ValidateTolerations` */
function validateToleration(toleration: Toleration, path: FieldPath): readonly FieldProblem[] {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  const at = [...path, 'operator'];
  const anyKey = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
  return [
    ...(key === '' ? [] : check(key, qualifiedName, [...path, 'key'])),
    ...(key === '' && operator !== 'Exists' ? [invalid(at, operator, anyKey)] : []),
    ...(tolerationSeconds !== undefined && effect !== 'NoExecute'
      ? [invalid([...path, 'effect'], effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")]
      : []),
    ...validateTolerationValue(operator, value, at),
    ...(effect === '' ? [] : oneOf(effect, EFFECTS, [...path, 'effect'])),
  ];
}

/** Without an operator the value must be equal. */
function validateTolerationValue(operator: string, value: string, path: FieldPath): readonly FieldProblem[] {
  if (operator === 'Exists') {
    return value === '' ? [] : [invalid(path, value, "value must be empty when `operator` is 'Exists'")];
  }
  return operator === '' || operator === 'Equal'
    ? check(value, labelValue, path)
    : [unsupported(path, operator, TOLERATION_OPERATORS)];
}

/** `validateNodeAffinity` */
function validateNodeAffinity(affinity: NodeAffinity, path: FieldPath): readonly FieldProblem[] {
  const needed = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  const wished: readonly Preference[] = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const termsAt = [...path, 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms'];
  const wishesAt = [...path, 'preferredDuringSchedulingIgnoredDuringExecution'];
  return [
    ...given(needed, ({ nodeSelectorTerms: terms }: Partial<NodeSelector>) =>
      terms === undefined || terms.length === 0
        ? [required(termsAt, 'must have at least one node selector term')]
        : terms.flatMap((term, index) => validateTerm(term, [...termsAt, index])),
    ),
    ...wished.flatMap(({ weight = 0, preference = {} }, index) => [
      ...(weight >= 1 && weight <= 100
        ? []
        : [invalid([...wishesAt, index, 'weight'], weight, 'must be in the range 1-100')]),
      ...validateTerm(preference, [...wishesAt, index, 'preference']),
    ]),
  ];
}

function validateTerm(term: SelectorTerm, path: FieldPath): readonly FieldProblem[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((one, index) =>
      validateExpression(one, [...path, 'matchExpressions', index]),
    ),
    ...(term.matchFields ?? []).flatMap((one, index) => validateNodeField(one, [...path, 'matchFields', index])),
  ];
}

/** `ValidateNodeSelectorRequirement` */
function validateExpression(requirement: Requirement, path: FieldPath): readonly FieldProblem[] {
  const { key = '', values = [] } = requirement;
  return [
    ...check(key, qualifiedName, [...path, 'key']),
    ...validateOperator(requirement.operator ?? '', values.length, path),
    ...values.flatMap((value, index) => check(value, labelValue, [...path, 'values', index])),
  ];
}

function validateOperator(operator: string, count: number, path: FieldPath): readonly FieldProblem[] {
  const at = [...path, 'values'];
  switch (operator) {
    case 'In':
    case 'NotIn':
      return count > 0 ? [] : [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      return count === 0 ? [] : [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case 'Gt':
    case 'Lt':
      return count === 1 ? [] : [required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      return [invalid([...path, 'operator'], operator, 'not a valid selector operator')];
  }
}

/** A node is selected by its name only (`ValidateNodeFieldSelectorRequirement`). */
function validateNodeField(requirement: Requirement, path: FieldPath): readonly FieldProblem[] {
  const { key = '', operator = '', values = [] } = requirement;
  const one = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
  return [
    ...(operator !== 'In' && operator !== 'NotIn'
      ? [invalid([...path, 'operator'], operator, 'not a valid selector operator')]
      : []),
    ...(values.length === 1 ? [] : [required([...path, 'values'], one)]),
    ...(key === 'metadata.name'
      ? values.flatMap((value, index) => check(value, dns1123Subdomain, [...path, 'values', index]))
      : [invalid([...path, 'key'], key, 'not a valid field selector key')]),
  ];
}

/** `validateTopologySpreadConstraints`, as far as it does not concern other pods. */
function validateSpread(spread: Partial<Spread>, before: readonly Spread[], path: FieldPath): readonly FieldProblem[] {
  const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '' } = spread;
  const isRepeated = before.some(
    (one) => one.topologyKey === topologyKey && one.whenUnsatisfiable === whenUnsatisfiable,
  );
  return [
    ...positive(maxSkew, [...path, 'maxSkew']),
    ...(topologyKey === '' ? [required([...path, 'topologyKey'], 'can not be empty')] : []),
    ...oneOf(whenUnsatisfiable, SPREAD_ACTIONS, [...path, 'whenUnsatisfiable']),
    ...(isRepeated ? [duplicate(path, `{${topologyKey}, ${whenUnsatisfiable}}`)] : []),
  ];
}
