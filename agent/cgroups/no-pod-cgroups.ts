import type { PodCgroups } from './pod-cgroups.ts';

/** With the kubelet's `cgroupsPerQOS: false` pods have no cgroups: containers are where the runtime puts them. */
export const noPodCgroups: PodCgroups = {
  ensureQos: () => Promise.resolve(),
  ensurePod: () => Promise.resolve(),
  raisePod: () => Promise.resolve(),
  groupOomKill: () => Promise.resolve(),
  removePod: () => Promise.resolve(),
  podUids: () => Promise.resolve([]),
};
