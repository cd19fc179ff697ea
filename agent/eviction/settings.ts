import type { KubeletConfiguration } from '../config/kubelet-schema.ts';
import { parseThresholds, type Threshold } from './thresholds.ts';

/** Fields of the kubelet's configuration that eviction follows, in a form that needs no further reading. */
export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** How long a node condition stays after the last threshold of it was met. */
  readonly pressureTransitionMs: number;
  /** Longest grace period of a pod that a soft threshold evicts; undefined: the pod's own. */
  readonly maxPodGraceSeconds: number | undefined;
  /** Whether limits of emptyDirs and of ephemeral storage are enforced. */
  readonly localStorageIsolation: boolean;
}

const defaultTransitionMs = 300_000;

/** Reads a configuration that has been found correct; as in Go a duration of zero counts as not given. */
export function evictionSettings(kubelet: Partial<KubeletConfiguration>): EvictionSettings {
  const maxPodGraceSeconds = kubelet.evictionMaxPodGracePeriod ?? 0;
  return {
    thresholds: parseThresholds(kubelet).thresholds,
    pressureTransitionMs: kubelet.evictionPressureTransitionPeriod || defaultTransitionMs,
    maxPodGraceSeconds: maxPodGraceSeconds < 0 ? undefined : maxPodGraceSeconds,
    localStorageIsolation: kubelet.localStorageCapacityIsolation ?? true,
  };
}
