export { dockerContainers, dockerLayerSizes } from './containers.ts';
export { countRuntime } from './count-runtime.ts';
export { createKubeletMetrics, type KubeletMetrics } from './kubelet-metrics.ts';
export { createNodeMetrics, type MetricsKind, type NodeMetrics, type NodeMetricsDeps } from './node-metrics.ts';
export { parseProcessCgroup } from './own-cgroup.ts';
export { createProbeMetrics, type ProbeMetrics, type ProbeRun } from './probe-metrics.ts';
