import { overlap, parseCidr } from '../../../cni/index.ts';
import type { Facts, Probe, Verdict } from './facts.ts';

/** What the pod network needs of the kernel and of the host's own network. */
export function planNetwork(facts: Facts): Verdict[] {
  return [
    probe('bridge and veth', facts.bridgeProbe, 'FAIL', 'use a kernel with CONFIG_BRIDGE and CONFIG_VETH'),
    iptables(facts),
    probe('nftables', facts.nftProbe, 'WARN', 'apt-get install nftables, on a kernel with CONFIG_NF_TABLES'),
    forwardPolicy(facts),
    ipForward(facts),
    bridgeFilter(facts),
    podCidrs(facts),
    cniConfig(facts),
    conntrack(facts),
  ];
}

function probe(name: string, result: Probe | undefined, level: 'WARN' | 'FAIL', fix: string): Verdict {
  if (result === undefined) {
    return {
      name,
      level: 'WARN',
      message: 'could not be tried',
      fix: 'run the check as root, with util-linux installed',
    };
  }
  if (result.works) return { name, level: 'OK', message: 'works' };
  return { name, level, message: `does not work: ${result.error ?? 'no reason given'}`, fix };
}

function iptables({ iptablesProbe, iptablesVersion }: Facts): Verdict {
  const fix = 'apt-get install iptables, on a kernel with CONFIG_NF_NAT or CONFIG_IP_NF_NAT';
  const verdict = probe('iptables', iptablesProbe, 'FAIL', fix);
  return verdict.level === 'OK' ? { ...verdict, message: iptablesVersion ?? verdict.message } : verdict;
}

function forwardPolicy({ forwardPolicy: policy }: Facts): Verdict {
  const name = 'FORWARD policy';
  if (policy === undefined) return { name, level: 'WARN', message: 'could not be read', fix: 'run the check as root' };
  if (policy === 'ACCEPT') return { name, level: 'OK', message: policy };
  return {
    name,
    level: 'OK',
    message: 'DROP, as Docker sets it; podwright accepts the traffic of pods in PODWRIGHT-FORWARD',
  };
}

function ipForward({ sysctls }: Facts): Verdict {
  const name = 'net.ipv4.ip_forward';
  if (sysctls[name] === '1') return { name, level: 'OK', message: '1' };
  return {
    name,
    level: 'WARN',
    message: `${sysctls[name] ?? 'cannot be read'}: podwright sets it to 1 when it starts`,
    fix: `echo ${name}=1 > /etc/sysctl.d/90-podwright.conf, so that nothing else sets it back`,
  };
}

function bridgeFilter({ sysctls }: Facts): Verdict {
  const name = 'net.bridge.bridge-nf-call-iptables';
  const value = sysctls[name];
  if (value === '1') return { name, level: 'OK', message: '1' };
  const message = value === undefined ? 'br_netfilter is not loaded' : value;
  return {
    name,
    level: 'WARN',
    message: `${message}: pods of this node reach each other on a Service only when bridged traffic passes iptables`,
    fix: `modprobe br_netfilter && sysctl -w ${name}=1`,
  };
}

/** The built-in network's own bridge, which a running podwright has made. */
const ownDevice = 'cni0';

function podCidrs({ podCidrs: cidrs, routes }: Facts): Verdict {
  const name = 'pod CIDR';
  const clashes = routes.filter(({ destination, device }) => {
    const route = parseCidr(destination);
    // A default route covers everything, and gives way to every other one.
    if (route === undefined || route.prefix === 0 || device === ownDevice) return false;
    return cidrs.map(parseCidr).some((cidr) => cidr !== undefined && overlap(cidr, route));
  });
  if (clashes.length === 0) return { name, level: 'OK', message: `${cidrs.join(', ')} is free` };
  const list = clashes.map(({ destination, device }) => `${destination} (${device})`).join(', ');
  return {
    name,
    level: 'FAIL',
    message: `${cidrs.join(', ')} overlaps the host's routes ${list}`,
    fix: 'choose another with --pod-cidr, or podCIDR in the configuration',
  };
}

function cniConfig({ cni: { confDir, files } }: Facts): Verdict {
  const name = 'CNI configuration';
  const broken = files.filter(({ error }) => error !== undefined);
  if (broken.length > 0) {
    return {
      name,
      level: 'WARN',
      message: broken.map((file) => `${confDir}/${file.name}: ${file.error ?? ''}`).join('; '),
      fix: 'correct it, or move it away: the next valid file counts, then the built-in network',
    };
  }
  const [first] = files;
  if (first === undefined) return { name, level: 'OK', message: `none in ${confDir}: the built-in network is used` };
  return { name, level: 'OK', message: `${confDir}/${first.name}` };
}

const nearlyFull = 0.8;

function conntrack({ conntrack: table }: Facts): Verdict {
  const name = 'conntrack table';
  if (table === undefined) {
    return { name, level: 'OK', message: 'not loaded yet: the first masquerade rule loads it' };
  }
  const message = `${table.count} of ${table.max} entries in use`;
  if (table.count < nearlyFull * table.max) return { name, level: 'OK', message };
  return { name, level: 'WARN', message, fix: `sysctl -w net.netfilter.nf_conntrack_max=${2 * table.max}` };
}
