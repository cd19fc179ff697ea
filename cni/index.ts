export { setSysctl, type SetSysctl } from './util/sysctl.ts';
export { exec, ExecFailure, type Exec, type ExecRequest, type ExecResult } from './util/exec.ts';
export { removeAbandonedFiles, writeFileAtomic } from './util/atomic-file.ts';
export { containsAddress, formatIp, formatNetwork, overlap, parseCidr, parseIp, type Cidr } from './ip/cidr.ts';
export { createPodNetwork, type Attachment, type NetworkStatus, type PodNetwork } from './network.ts';
export type { CniResult, PortMapping } from './spec/types.ts';
export { CniError } from './spec/error.ts';
export { createRegistry, type Counter, type Gauge, type Histogram, type Registry } from './util/metrics-registry.ts';
export { renderFamilies, type Family, type Labels, type MetricType, type Sample } from './util/metrics-text.ts';
