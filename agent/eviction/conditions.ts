import type { ObjectReference } from '../events/types.ts';
import { timestamp } from '../pods/container-status.ts';
import type { PressureType } from './signals.ts';

/** A condition of the node, as in `status.conditions` of a v1 Node. */
export interface NodeCondition {
  readonly type: PressureType;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
}

interface Wording {
  readonly reason: string;
  readonly message: string;
  /** Reason of the event when the condition becomes so. */
  readonly event: string;
}

/** `MemoryPressureCondition` and its like, pkg/kubelet/nodestatus/setters.go. */
const wordings: Readonly<Record<PressureType, Readonly<Record<NodeCondition['status'], Wording>>>> = {
  MemoryPressure: {
    True: {
      reason: 'KubeletHasInsufficientMemory',
      message: 'kubelet has insufficient memory available',
      event: 'NodeHasInsufficientMemory',
    },
    False: {
      reason: 'KubeletHasSufficientMemory',
      message: 'kubelet has sufficient memory available',
      event: 'NodeHasSufficientMemory',
    },
  },
  DiskPressure: {
    True: { reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure', event: 'NodeHasDiskPressure' },
    False: {
      reason: 'KubeletHasNoDiskPressure',
      message: 'kubelet has no disk pressure',
      event: 'NodeHasNoDiskPressure',
    },
  },
  PIDPressure: {
    True: {
      reason: 'KubeletHasInsufficientPID',
      message: 'kubelet has insufficient PID available',
      event: 'NodeHasInsufficientPID',
    },
    False: {
      reason: 'KubeletHasSufficientPID',
      message: 'kubelet has sufficient PID available',
      event: 'NodeHasSufficientPID',
    },
  },
};

const types: readonly PressureType[] = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];

/**
 * The three conditions of pressure. The transition time of one whose status did not change stays.
 *
 * @param now milliseconds since the epoch
 */
export function nodeConditions(
  pressure: readonly PressureType[],
  previous: readonly NodeCondition[],
  now: number,
): readonly NodeCondition[] {
  return types.map((type) => {
    const status = pressure.includes(type) ? 'True' : 'False';
    const { reason, message } = wordings[type][status];
    const former = previous.find((condition) => condition.type === type);
    const lastTransitionTime = former?.status === status ? former.lastTransitionTime : timestamp(now);
    return { type, status, reason, message, lastTransitionTime };
  });
}

/** Reasons of the events that tell what has changed, e.g. `NodeHasDiskPressure`. */
export function changesOf(previous: readonly NodeCondition[], current: readonly NodeCondition[]): readonly string[] {
  return current
    .filter(({ type, status }) => previous.find((former) => former.type === type)?.status !== status)
    .map(({ type, status }) => wordings[type][status].event);
}

/** The node as the object of an event: its UID is its name, as in the kubelet. */
export function nodeReference(name: string): ObjectReference {
  return { kind: 'Node', namespace: '', name, uid: name };
}
