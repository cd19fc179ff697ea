export { dockerContainers, dockerLayerSizes } from './containers.ts';
export { countRuntime } from './count-runtime.ts';
export { createKubeletMetrics, type KubeletMetrics } from './kubelet-metrics.ts';
export { createLoopMetrics, type LoopMetrics } from './loops.ts';
export { createNodeMetrics, type NodeMetrics } from './node-metrics.ts';
export { parseProcessCgroup } from './own-cgroup.ts';
export { createPodStarts } from './pod-starts.ts';
export { createProbeMetrics, type ProbeMetrics } from './probe-metrics.ts';
