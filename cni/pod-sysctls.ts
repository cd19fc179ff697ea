import { existsSync } from 'node:fs';

/** Sysctls that the namespace of a pod should start with, when its addresses are of these ranges. */
export function podSysctls(cidrs: readonly string[]): Readonly<Record<string, string>> {
  const announce = { 'net.ipv4.conf.default.arp_notify': '1' };
  if (!cidrs.some((cidr) => cidr.includes(':'))) return { ...announce, ...withoutIpv6() };
  return {
    ...announce,
    'net.ipv6.conf.all.disable_ipv6': '0',
    'net.ipv6.conf.default.disable_ipv6': '0',
    'net.ipv6.conf.default.accept_dad': '0',
    'net.ipv6.conf.default.ndisc_notify': '1',
  };
}

/** Without this, links of pods get link-local addresses, and look for routers. A kernel may have no IPv6 at all. */
function withoutIpv6(): Readonly<Record<string, string>> {
  return existsSync('/proc/sys/net/ipv6') ? { 'net.ipv6.conf.all.disable_ipv6': '1' } : {};
}
