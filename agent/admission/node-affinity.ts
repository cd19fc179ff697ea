import { labelOf, meetsRequirement } from '../objects/label-requirement.ts';
import type { Pod, PodSpec } from '../objects/types.ts';
import type { AdmissionNode } from './types.ts';

type NodeAffinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
type NodeSelectorTerm = NonNullable<
  NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

/**
 * Whether a pod's nodeSelector and the required part of its node affinity match the node (`GetRequiredNodeAffinity`,
 * staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity): every label of the selector, and one of the terms.
 */
export function nodeMatches({ spec }: Pod, node: Pick<AdmissionNode, 'name' | 'labels'>): boolean {
  const selector = Object.entries(spec.nodeSelector ?? {});
  if (!selector.every(([key, value]) => labelOf(node.labels, key) === value)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => termMatches(term, node));
}

/** A term without requirements matches no node. */
function termMatches(term: NodeSelectorTerm, node: Pick<AdmissionNode, 'name' | 'labels'>): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => requirementMatches(requirement, labelOf(node.labels, requirement.key))) &&
    matchFields.every((requirement) => fieldMatches(requirement, node.name))
  );
}

function requirementMatches(requirement: Requirement, label: string | undefined): boolean {
  const { operator, values = [] } = requirement;
  if (operator === 'Gt') return compare(label, values, (a, b) => a > b);
  if (operator === 'Lt') return compare(label, values, (a, b) => a < b);
  return meetsRequirement(requirement, label);
}

/** The only field is the node's name, and it is compared with one value. */
function fieldMatches({ key, operator, values = [] }: Requirement, nodeName: string): boolean {
  if (key !== 'metadata.name' || values.length !== 1) return false;
  if (operator === 'In') return values[0] === nodeName;
  return operator === 'NotIn' && values[0] !== nodeName;
}

function compare(
  label: string | undefined,
  values: readonly string[],
  holds: (label: bigint, value: bigint) => boolean,
): boolean {
  const [a, b] = [integer(label), integer(values[0])];
  return a !== undefined && b !== undefined && values.length === 1 && holds(a, b);
}

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace('+', '')) : undefined;
}
