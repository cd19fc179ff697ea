import type { Pod } from '../objects/types.ts';

/** Why the node does not take a pod, as it stands in the pod's status. */
export interface SysctlProblem {
  readonly reason: 'SysctlForbidden';
  readonly message: string;
}

/** Sysctls of a namespace that cannot harm other pods, with the kernel that has them (`pkg/kubelet/sysctl/safe_sysctls.go`). */
const safe: readonly { readonly name: string; readonly kernel: readonly [number, number] }[] = [
  { name: 'kernel.shm_rmid_forced', kernel: [0, 0] },
  { name: 'net.ipv4.ip_local_port_range', kernel: [0, 0] },
  { name: 'net.ipv4.tcp_syncookies', kernel: [0, 0] },
  { name: 'net.ipv4.ping_group_range', kernel: [0, 0] },
  { name: 'net.ipv4.ip_unprivileged_port_start', kernel: [0, 0] },
  { name: 'net.ipv4.ip_local_reserved_ports', kernel: [3, 16] },
  { name: 'net.ipv4.tcp_keepalive_time', kernel: [4, 5] },
  { name: 'net.ipv4.tcp_fin_timeout', kernel: [4, 6] },
  { name: 'net.ipv4.tcp_keepalive_intvl', kernel: [4, 5] },
  { name: 'net.ipv4.tcp_keepalive_probes', kernel: [4, 5] },
  { name: 'net.ipv4.tcp_rmem', kernel: [4, 15] },
  { name: 'net.ipv4.tcp_wmem', kernel: [4, 15] },
];

/** @param kernelRelease as `uname -r` prints it, e.g. `6.1.0-18-amd64` */
export function safeSysctls(kernelRelease: string): readonly string[] {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  return safe
    .filter(({ kernel }) => Number(major) > kernel[0] || (Number(major) === kernel[0] && Number(minor) >= kernel[1]))
    .map(({ name }) => name);
}

/**
 * Why the sysctls of a pod are refused; undefined when all are allowed (kubelet: `pkg/kubelet/sysctl/allowlist.go`).
 *
 * @param allowed safe ones and `allowedUnsafeSysctls`: names, or prefixes that end in `*`
 */
export function sysctlProblem(pod: Pod, allowed: readonly string[]): SysctlProblem | undefined {
  const patterns = allowed.map(dotted);
  for (const name of Object.keys(podSysctls(pod))) {
    const problem = problemOf(pod, name, patterns);
    if (problem !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" ${problem}` };
  }
  return undefined;
}

function problemOf(pod: Pod, name: string, patterns: readonly string[]): string | undefined {
  const namespace = namespaceOf(name);
  if (namespace === undefined || !patterns.some((pattern) => matches(name, pattern))) return 'not allowlisted';
  const isHosts = namespace === 'net' ? pod.spec.hostNetwork : pod.spec.hostIPC;
  return isHosts === true ? `not allowed with host ${namespace} enabled` : undefined;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** The namespace that a sysctl belongs to; undefined for one of the whole machine. */
function namespaceOf(name: string): 'ipc' | 'net' | undefined {
  if (name.startsWith('net.')) return 'net';
  return name === 'kernel.sem' || /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(name) ? 'ipc' : undefined;
}

/** The sysctls of a pod, by their names with dots. */
export function podSysctls(pod: Pod): Readonly<Record<string, string>> {
  return Object.fromEntries((pod.spec.securityContext?.sysctls ?? []).map(({ name, value }) => [dotted(name), value]));
}

/** The form with dots between the parts; where `/` comes first it separates, and a dot is part of a name (sysctl.d(5)). */
function dotted(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '/') return name;
  return name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}
