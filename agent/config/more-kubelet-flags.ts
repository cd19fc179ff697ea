import { type FlagForm, readFlagValue } from './flag-values.ts';

/** Fields of KubeletConfiguration by the flags that set them, beside those that podwright has under the same name. */
const fields: readonly (readonly [flag: string, form: FlagForm, ...path: readonly string[]])[] = [
  ['address', 'text', 'address'],
  ['allowed-unsafe-sysctls', 'list', 'allowedUnsafeSysctls'],
  ['anonymous-auth', 'boolean', 'authentication', 'anonymous', 'enabled'],
  ['authentication-token-webhook', 'boolean', 'authentication', 'webhook', 'enabled'],
  ['authentication-token-webhook-cache-ttl', 'text', 'authentication', 'webhook', 'cacheTTL'],
  ['authorization-mode', 'text', 'authorization', 'mode'],
  ['authorization-webhook-cache-authorized-ttl', 'text', 'authorization', 'webhook', 'cacheAuthorizedTTL'],
  ['authorization-webhook-cache-unauthorized-ttl', 'text', 'authorization', 'webhook', 'cacheUnauthorizedTTL'],
  ['cgroups-per-qos', 'boolean', 'cgroupsPerQOS'],
  ['client-ca-file', 'text', 'authentication', 'x509', 'clientCAFile'],
  ['contention-profiling', 'boolean', 'enableContentionProfiling'],
  ['cpu-cfs-quota', 'boolean', 'cpuCFSQuota'],
  ['cpu-cfs-quota-period', 'text', 'cpuCFSQuotaPeriod'],
  ['cpu-manager-policy', 'text', 'cpuManagerPolicy'],
  ['cpu-manager-policy-options', 'map', 'cpuManagerPolicyOptions'],
  ['cpu-manager-reconcile-period', 'text', 'cpuManagerReconcilePeriod'],
  ['enable-controller-attach-detach', 'boolean', 'enableControllerAttachDetach'],
  ['enable-debugging-handlers', 'boolean', 'enableDebuggingHandlers'],
  ['enable-server', 'boolean', 'enableServer'],
  ['enforce-node-allocatable', 'list', 'enforceNodeAllocatable'],
  ['event-burst', 'number', 'eventBurst'],
  ['event-qps', 'number', 'eventRecordQPS'],
  ['eviction-hard', 'thresholds', 'evictionHard'],
  ['eviction-max-pod-grace-period', 'number', 'evictionMaxPodGracePeriod'],
  ['eviction-minimum-reclaim', 'map', 'evictionMinimumReclaim'],
  ['eviction-pressure-transition-period', 'text', 'evictionPressureTransitionPeriod'],
  ['eviction-soft', 'thresholds', 'evictionSoft'],
  ['eviction-soft-grace-period', 'map', 'evictionSoftGracePeriod'],
  ['fail-swap-on', 'boolean', 'failSwapOn'],
  ['feature-gates', 'booleans', 'featureGates'],
  ['hairpin-mode', 'text', 'hairpinMode'],
  ['healthz-bind-address', 'text', 'healthzBindAddress'],
  ['healthz-port', 'number', 'healthzPort'],
  ['http-check-frequency', 'text', 'httpCheckFrequency'],
  ['image-gc-high-threshold', 'number', 'imageGCHighThresholdPercent'],
  ['image-gc-low-threshold', 'number', 'imageGCLowThresholdPercent'],
  ['image-service-endpoint', 'text', 'imageServiceEndpoint'],
  ['iptables-drop-bit', 'number', 'iptablesDropBit'],
  ['iptables-masquerade-bit', 'number', 'iptablesMasqueradeBit'],
  ['kernel-memcg-notification', 'boolean', 'kernelMemcgNotification'],
  ['kube-api-burst', 'number', 'kubeAPIBurst'],
  ['kube-api-content-type', 'text', 'contentType'],
  ['kube-api-qps', 'number', 'kubeAPIQPS'],
  ['kube-reserved', 'map', 'kubeReserved'],
  ['kube-reserved-cgroup', 'text', 'kubeReservedCgroup'],
  ['kubelet-cgroups', 'text', 'kubeletCgroups'],
  ['local-storage-capacity-isolation', 'boolean', 'localStorageCapacityIsolation'],
  ['make-iptables-util-chains', 'boolean', 'makeIPTablesUtilChains'],
  ['manifest-url', 'text', 'staticPodURL'],
  ['max-open-files', 'number', 'maxOpenFiles'],
  ['memory-manager-policy', 'text', 'memoryManagerPolicy'],
  ['minimum-image-ttl-duration', 'text', 'imageMinimumGCAge'],
  ['node-status-max-images', 'number', 'nodeStatusMaxImages'],
  ['node-status-update-frequency', 'text', 'nodeStatusUpdateFrequency'],
  ['oom-score-adj', 'number', 'oomScoreAdj'],
  ['pods-per-core', 'number', 'podsPerCore'],
  ['port', 'number', 'port'],
  ['protect-kernel-defaults', 'boolean', 'protectKernelDefaults'],
  ['qos-reserved', 'map', 'qosReserved'],
  ['read-only-port', 'number', 'readOnlyPort'],
  ['reserved-cpus', 'text', 'reservedSystemCPUs'],
  ['rotate-certificates', 'boolean', 'rotateCertificates'],
  ['rotate-server-certificates', 'boolean', 'serverTLSBootstrap'],
  ['seccomp-default', 'boolean', 'seccompDefault'],
  ['streaming-connection-idle-timeout', 'text', 'streamingConnectionIdleTimeout'],
  ['system-cgroups', 'text', 'systemCgroups'],
  ['system-reserved', 'map', 'systemReserved'],
  ['system-reserved-cgroup', 'text', 'systemReservedCgroup'],
  ['tls-cert-file', 'text', 'tlsCertFile'],
  ['tls-cipher-suites', 'list', 'tlsCipherSuites'],
  ['tls-min-version', 'text', 'tlsMinVersion'],
  ['tls-private-key-file', 'text', 'tlsPrivateKeyFile'],
  ['topology-manager-policy', 'text', 'topologyManagerPolicy'],
  ['topology-manager-policy-options', 'map', 'topologyManagerPolicyOptions'],
  ['topology-manager-scope', 'text', 'topologyManagerScope'],
  ['volume-plugin-dir', 'text', 'volumePluginDir'],
  ['volume-stats-agg-period', 'text', 'volumeStatsAggPeriod'],
];

const byFlag: ReadonlyMap<string, { readonly form: FlagForm; readonly path: readonly string[] }> = new Map(
  fields.map(([flag, form, ...path]) => [flag, { form, path }]),
);

/** Flags of the kubelet for a field, and whether they may stand without a value. */
export const kubeletFieldFlags: ReadonlyMap<string, { readonly isBoolean: boolean }> = new Map(
  fields.map(([flag, form]) => [flag, { isBoolean: form === 'boolean' }]),
);

/** A value for each flag, by the top-level field that it belongs to; flags of one field are united. */
export function fieldsOfKubeletFlags(given: Readonly<Record<string, string>>): ReadonlyMap<string, FlaggedValue> {
  const values = new Map<string, FlaggedValue>();
  for (const [flag, text] of Object.entries(given)) {
    const found = byFlag.get(flag);
    const [field, ...rest] = found?.path ?? [];
    if (found === undefined || field === undefined) continue;
    const value = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), readFlagValue(found.form, text));
    const former = values.get(field)?.value;
    values.set(field, { flag: `--${flag}`, path: found.path.join('.'), value: unite(former, value) });
  }
  return values;
}

export interface FlaggedValue {
  /** The flag, or the last one of several. */
  readonly flag: string;
  /** Of the field, with dots. */
  readonly path: string;
  readonly value: unknown;
  /** The kubelet has not declared it obsolete. */
  readonly stays?: boolean;
}

/** Objects are united field by field; anything else of `upper` replaces what is in `lower`. */
export function unite(lower: unknown, upper: unknown): unknown {
  if (!isObject(lower) || !isObject(upper)) return upper;
  const names = [...new Set([...Object.keys(lower), ...Object.keys(upper)])];
  return Object.fromEntries(names.map((name) => [name, name in upper ? unite(lower[name], upper[name]) : lower[name]]));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
