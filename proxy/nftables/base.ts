import type { Family, LocalDetector, ProxySettings } from '../types.ts';
import type { Chain, Element, Hook, Match, Rule, Verdict } from './table.ts';

/*
 * The part of the table that does not depend on Services. Names are kube-proxy's (`pkg/proxy/nftables`, 1.32):
 *
 *   filter-prerouting, filter-output   -110  new -> firewall-check              vmap firewall-ips
 *   nat-prerouting, nat-output         -100      -> services                    vmap service-ips, service-nodeports
 *   filter-input                       -110  new -> nodeport-endpoints-check    vmap no-endpoint-nodeports
 *                                                   service-endpoints-check     vmap no-endpoint-services
 *   filter-forward                     -110  new -> service-endpoints-check, cluster-ips-check
 *   filter-output-post-dnat             -90  new -> service-endpoints-check, cluster-ips-check
 *   nat-postrouting                     100      -> masquerading
 *
 * Forwarding and input come after the address was translated, so what meets no endpoint there was not translated, and is for no
 * port that a Service has. In the output hook this holds only after -100. kube-proxy checks for missing endpoints before it, and so
 * drops what the node sends to an external address of a Service with `externalTrafficPolicy: Local` and without local endpoints;
 * its iptables mode lets this through to the endpoints elsewhere, which is what is done here, too.
 *
 * `reject` is possible in input, forward and output only, up to Linux 5.8.
 */

/** What holds for a whole table, besides the Services. */
export interface BaseInput {
  readonly settings: ProxySettings;
  /** Ranges that cluster IPs are taken from: an address of them that no Service has is dropped. */
  readonly serviceCidrs: readonly string[];
  /** Text by which the writer of the table knows it again. */
  readonly marker: string;
}

export const markChain = 'mark-for-masquerade';
export const rejectVerdict: Verdict = 'goto reject-chain';

/** Rule of this chain carries {@link BaseInput.marker}. */
export const markedChain = 'services';

export function baseChains(input: BaseInput): readonly Chain[] {
  return [...hookChains, ...checkChains(input), ...masqueradeChains(input.settings), servicesChain(input)];
}

const beforeDnat = -110;
const afterDnat = -90;

const hookChains: readonly Chain[] = [
  hookChain('filter-prerouting', { type: 'filter', hook: 'prerouting', priority: beforeDnat }, ['firewall-check']),
  hookChain('filter-input', { type: 'filter', hook: 'input', priority: beforeDnat }, [
    'nodeport-endpoints-check',
    'service-endpoints-check',
  ]),
  hookChain('filter-forward', { type: 'filter', hook: 'forward', priority: beforeDnat }, [
    'service-endpoints-check',
    'cluster-ips-check',
  ]),
  hookChain('filter-output', { type: 'filter', hook: 'output', priority: beforeDnat }, ['firewall-check']),
  hookChain('filter-output-post-dnat', { type: 'filter', hook: 'output', priority: afterDnat }, [
    'service-endpoints-check',
    'cluster-ips-check',
  ]),
  hookChain('nat-prerouting', { type: 'nat', hook: 'prerouting', priority: -100 }, ['services']),
  hookChain('nat-output', { type: 'nat', hook: 'output', priority: -100 }, ['services']),
  hookChain('nat-postrouting', { type: 'nat', hook: 'postrouting', priority: 100 }, ['masquerading']),
];

function hookChain(name: string, hook: Hook, targets: readonly string[]): Chain {
  // A chain of type nat sees only the first packet of a connection.
  const when: readonly Match[] = hook.type === 'nat' ? [] : [{ on: 'new-connection' }];
  return { name, hook, rules: targets.map((target) => ({ when, then: { do: 'verdict', verdict: `jump ${target}` } })) };
}

function checkChains({ settings, serviceCidrs }: BaseInput): readonly Chain[] {
  const unallocated: Rule = {
    when: [{ on: 'address', side: 'daddr', not: false, networks: serviceCidrs }],
    then: { do: 'verdict', verdict: 'drop' },
    comment: 'Drop traffic to unallocated ClusterIPs',
  };
  return [
    { name: 'firewall-check', rules: [{ when: [], then: { do: 'look-up', map: 'firewall-ips' } }] },
    { name: 'service-endpoints-check', rules: [{ when: [], then: { do: 'look-up', map: 'no-endpoint-services' } }] },
    {
      name: 'nodeport-endpoints-check',
      rules: [{ when: [nodePortAddress(settings)], then: { do: 'look-up', map: 'no-endpoint-nodeports' } }],
    },
    {
      name: 'cluster-ips-check',
      rules: [
        {
          when: [{ on: 'member', side: 'daddr', set: 'cluster-ips' }],
          then: { do: 'verdict', verdict: 'reject' },
          comment: 'Reject traffic to invalid ports of ClusterIPs',
        },
        ...(serviceCidrs.length === 0 ? [] : [unallocated]),
      ],
    },
    { name: 'reject-chain', rules: [{ when: [], then: { do: 'verdict', verdict: 'reject' } }] },
  ];
}

/** The mark asks for masquerading; it is taken away where this is done, so that no later table sees it. */
function masqueradeChains({ masqueradeBit }: ProxySettings): readonly Chain[] {
  const mark = 2 ** masqueradeBit;
  return [
    { name: markChain, rules: [{ when: [], then: { do: 'mark', how: 'or', mark } }] },
    {
      name: 'masquerading',
      rules: [
        { when: [{ on: 'unmarked', mark }], then: { do: 'verdict', verdict: 'return' } },
        { when: [], then: { do: 'mark', how: 'xor', mark } },
        { when: [], then: { do: 'masquerade' } },
      ],
    },
  ];
}

function servicesChain({ settings, marker }: BaseInput): Chain {
  const local: readonly Match[] = settings.nodePortCidrs === undefined ? [{ on: 'local', side: 'daddr' }] : [];
  return {
    name: markedChain,
    rules: [
      { when: [], then: { do: 'look-up', map: 'service-ips' }, comment: marker },
      { when: [...local, nodePortAddress(settings)], then: { do: 'look-up', map: 'service-nodeports' } },
    ],
  };
}

const loopback = (family: Family): string => (family === 4 ? '127.0.0.0/8' : '::1');

/** Node ports never answer on localhost here, as in kube-proxy: this would need `route_localnet`. */
function nodePortAddress({ family, nodePortCidrs }: ProxySettings): Match {
  return nodePortCidrs === undefined
    ? { on: 'address', side: 'daddr', not: true, networks: [loopback(family)] }
    : { on: 'member', side: 'daddr', set: 'nodeport-ips' };
}

/** Elements that come from the settings. */
export function baseElements({ nodePortCidrs, nodeIps }: ProxySettings): readonly Element[] {
  if (nodePortCidrs === undefined) return [];
  const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.');
  return nodeIps.filter((ip) => !isLoopback(ip)).map((key) => ({ in: 'nodeport-ips', key }));
}

/** Matches traffic of local pods, or all other traffic; undefined when they cannot be told apart. */
export function localMatch(detector: LocalDetector, isLocal: boolean): Match | undefined {
  switch (detector.mode) {
    case 'ClusterCIDR':
    case 'NodeCIDR':
      return { on: 'address', side: 'saddr', not: !isLocal, networks: [detector.cidr] };
    case 'BridgeInterface':
      return { on: 'link', not: !isLocal, name: detector.bridge };
    case 'InterfaceNamePrefix':
      return { on: 'link', not: !isLocal, name: `${detector.prefix}*` };
    case 'None':
      return undefined;
  }
}
