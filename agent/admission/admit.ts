import type { Pod } from '../objects/types.ts';
import { isStaticPod } from './critical.ts';
import { shortages } from './fit.ts';
import { hostPortsFree } from './host-ports.ts';
import { nodeMatches } from './node-affinity.ts';
import { toleratesTaints } from './taints.ts';
import type { AdmissionNode, Refusal, Shortage } from './types.ts';

/** All that speaks against a pod, in the kubelet's order. */
export interface Obstacles {
  /** Reasons that no room on the node can help against, checked before all others. */
  readonly unfit: readonly Refusal[];
  readonly shortages: readonly Shortage[];
  /** Reasons of the scheduler's plugins that the kubelet asks too. */
  readonly predicates: readonly Refusal[];
}

const osLabel = 'kubernetes.io/os';

/**
 * Whether a pod may run on the node beside others: undefined, or the reason of the failed pod (`Admit` of
 * `predicateAdmitHandler`, pkg/kubelet/lifecycle/predicate.go, with the filters of `AdmissionCheck`,
 * pkg/scheduler/eventhandlers.go).
 *
 * @param others pods of the node that are not known to have ended
 */
export function admit(pod: Pod, others: readonly Pod[], node: AdmissionNode): Refusal | undefined {
  const { unfit, shortages: short, predicates } = obstacles(pod, others, node);
  return [...unfit, ...short.map(refusalOf), ...predicates][0];
}

export function obstacles(pod: Pod, others: readonly Pod[], node: AdmissionNode): Obstacles {
  return {
    unfit: osRefusals(pod, node),
    shortages: shortages(pod, others, node.allocatable),
    predicates: failedPredicates(pod, others, node),
  };
}

function osRefusals({ metadata, spec }: Pod, { os }: AdmissionNode): readonly Refusal[] {
  const wanted = metadata.labels[osLabel];
  return [
    ...(wanted === undefined || wanted === os
      ? []
      : [
          {
            reason: 'PodOSSelectorNodeLabelDoesNotMatch',
            message: `Failed to admit pod as the \`${osLabel}\` label doesn't match node label`,
          },
        ]),
    ...(spec.os === undefined || spec.os.name === os
      ? []
      : [{ reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" }]),
  ];
}

function failedPredicates(pod: Pod, others: readonly Pod[], node: AdmissionNode): readonly Refusal[] {
  const { nodeName } = pod.spec;
  const predicates = [
    [nodeMatches(pod, node), 'NodeAffinity', "node(s) didn't match Pod's node affinity/selector"],
    [nodeName === '' || nodeName === node.name, 'NodeName', "node(s) didn't match the requested node name"],
    [hostPortsFree(pod, others), 'NodePorts', "node(s) didn't have free ports for the requested pod ports"],
    [
      isStaticPod(pod) || toleratesTaints(pod, node.taints ?? []),
      'TaintToleration',
      "node(s) had taints that the pod didn't tolerate",
    ],
  ] as const;
  return predicates
    .filter(([holds]) => !holds)
    .map(([, reason, why]) => ({ reason, message: `Predicate ${reason} failed: ${why}` }));
}

function refusalOf({ resource, requested, used, capacity }: Shortage): Refusal {
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}
