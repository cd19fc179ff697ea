import type { IContainerResizePolicy } from 'kubernetes-models/v1';
import type { FieldPath } from './field-path.ts';
import { duplicate, invalid, repeated, required, tooMany, type FieldProblem } from './field-problem.ts';
import type { Container, RestartRule } from './types.ts';
import { oneOf, requiredOneOf } from './validate-values.ts';

/** Restart policies of pods and containers. */
export const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];

const RULE_ACTIONS = ['Restart'];
const EXIT_CODE_OPERATORS = ['In', 'NotIn'];
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

const RESIZED = ['cpu', 'memory'];
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer'];

/**
 * Checks a container's own restart policy and rules (`validateContainerRestartPolicy`, KEP-5307: on by default since 1.35;
 * before, only `Always` in init containers).
 */
export function validateRestart(container: Container, path: FieldPath): readonly FieldProblem[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const at = [...path, 'restartPolicy'];
  if (restartPolicy === undefined) {
    return rules.length === 0 ? [] : [required(at, 'must specify restartPolicy when restart rules are used')];
  }
  const rulesAt = [...path, 'restartPolicyRules'];
  return [
    ...oneOf(restartPolicy, RESTART_POLICIES, at),
    ...(rules.length > MAX_RULES ? [tooMany(rulesAt, rules.length, MAX_RULES)] : []),
    ...rules.flatMap((rule, index) => validateRule(rule, [...rulesAt, index])),
  ];
}

function validateRule({ action, exitCodes }: Partial<RestartRule>, path: FieldPath): readonly FieldProblem[] {
  const at = [...path, 'exitCodes'];
  const count = exitCodes?.values?.length ?? 0;
  return [
    ...requiredOneOf(action, RULE_ACTIONS, [...path, 'action']),
    ...(exitCodes === undefined
      ? [required(at, 'must be specified')]
      : requiredOneOf(exitCodes.operator, EXIT_CODE_OPERATORS, [...at, 'operator'])),
    ...(count > MAX_EXIT_CODES ? [tooMany([...at, 'values'], count, MAX_EXIT_CODES)] : []),
  ];
}

/**
 * Checks what a change of resources does to a running container (`validateResizePolicy`, KEP-1287).
 *
 * @param podPolicy the pod's restart policy: a container that may never restart cannot be resized by a restart
 */
export function validateResizePolicy(
  policies: readonly Partial<IContainerResizePolicy>[],
  podPolicy: string,
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...policies.flatMap(({ resourceName, restartPolicy }, index) => {
      const at = [...path, index, 'restartPolicy'];
      return [
        ...requiredOneOf(resourceName, RESIZED, [...path, index, 'resourceName']),
        ...requiredOneOf(restartPolicy, RESIZE_POLICIES, at),
        ...(podPolicy === 'Never' && restartPolicy === 'RestartContainer'
          ? [invalid(at, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")]
          : []),
      ];
    }),
    ...repeated(policies, ({ resourceName }) => resourceName).map((index) =>
      duplicate([...path, index], policies[index]?.resourceName ?? ''),
    ),
  ];
}
