import type { NodeResources } from '../node/allocatable.ts';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** The node as admission sees it. */
export interface AdmissionNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly allocatable: NodeResources;
  /** `linux` */
  readonly os: string;
}

/** Why a pod cannot run here, in the kubelet's words: reason and message of the failed pod's status. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** A resource of which the node has too little left; amounts in thousandths of a CPU, bytes, or pods. */
export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}
