import { createIpvsBackend, type Scheduler } from '../../../proxy/ipvs/index.ts';
import type {
  Endpoint,
  Family,
  ProxyBackend,
  ProxyPlan,
  ProxySettings,
  ServicePortPlan,
} from '../../../proxy/types.ts';
import type { Guest } from '../../lab/guest.ts';

/** A node in a guest: a network namespace with pods behind a bridge, and a host outside. */
export interface IpvsNode {
  readonly guest: Guest;
  /** Milliseconds that the backend's clock is ahead. */
  advance(ms: number): void;
  backend(family: Family, scheduler?: Scheduler): ProxyBackend;
  /** What a client in a namespace gets from the web server behind an address: `<pod> <client's address>`, or `no answer`. */
  ask(namespace: string, address: string, port: number): Promise<string>;
  /** The same several times, one after the other. */
  askOften(namespace: string, address: string, port: number, times: number): Promise<readonly string[]>;
}

export const POD_PORT = 8080;
export const NODE_IP: Readonly<Record<Family, string>> = { 4: '198.51.100.1', 6: '2001:db8:2::1' };
export const OUTSIDE_IP: Readonly<Record<Family, string>> = { 4: '198.51.100.2', 6: '2001:db8:2::2' };

export const podIp = (pod: number, family: Family = 4): string =>
  family === 4 ? `203.0.113.${10 + pod}` : `2001:db8:1::${10 + pod}`;

const noSignal = new AbortController().signal;
export { noSignal };

export async function createIpvsNode(guest: Guest, pods: number): Promise<IpvsNode> {
  await guest.check(layout(pods));
  let ahead = 0;
  const ask = async (namespace: string, address: string, port: number, times: number): Promise<string[]> =>
    (await guest.check(`ip netns exec ${namespace} sh /tmp/ask ${address} ${port} ${times}`)).trim().split('\n');
  return {
    guest,
    advance: (ms) => (ahead += ms),
    backend: (family, scheduler = 'rr') =>
      createIpvsBackend({
        exec: guest.exec('node'),
        family,
        scheduler,
        setSysctl: async (name, value) => {
          await guest.check(`ip netns exec node sh -c 'echo ${value} >/proc/sys/${name}'`);
        },
        clock: { now: () => Date.now() + ahead },
      }),
    ask: async (namespace, address, port) => (await ask(namespace, address, port, 1))[0] ?? '',
    askOften: ask,
  };
}

/** Not wget: that of busybox crashes for want of the libraries of the name service. */
const client = `
i=0
while [ $i -lt $3 ]; do
  answer=$(printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | timeout 3 nc $1 $2 2>/dev/null | tail -n 1)
  echo "\${answer:-no answer}"
  i=$((i+1))
done`;

/** Of a connection by IPv4 the server says \`[::ffff:192.0.2.1]\`. */
const server = (name: string): string => `#!/bin/sh
echo
echo ${name} "$REMOTE_ADDR" | sed 's/[][]//g; s/::ffff://'`;

const file = (path: string, content: string): string => `cat >${path} <<'END'\n${content}\nEND`;

/** `node` with `br0`; pods `p1`, `p2`, ... behind it; `outside` on the node's own network, with routes to Services by the node. */
function layout(pods: number): string {
  const numbers = Array.from({ length: pods }, (_, index) => index + 1);
  const names = ['node', 'outside', ...numbers.map((pod) => `p${pod}`)];
  return [
    'set -e',
    file('/tmp/ask', client),
    ...names.map((name) => `ip netns add ${name}; ip -n ${name} link set lo up`),
    ...['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'].map(
      (name) => `ip netns exec node sh -c 'echo 1 >/proc/sys/${name}'`,
    ),
    'ip -n node link add br0 type bridge',
    'ip -n node link set br0 up',
    'ip -n node addr add 203.0.113.1/24 dev br0',
    'ip -n node addr add 2001:db8:1::1/64 dev br0 nodad',
    'ip -n node link add up0 type veth peer name eth0 netns outside',
    'ip -n node link set up0 up; ip -n outside link set eth0 up',
    `ip -n node addr add ${NODE_IP[4]}/24 dev up0; ip -n node addr add ${NODE_IP[6]}/64 dev up0 nodad`,
    `ip -n outside addr add ${OUTSIDE_IP[4]}/24 dev eth0; ip -n outside addr add ${OUTSIDE_IP[6]}/64 dev eth0 nodad`,
    `ip -n outside route add default via ${NODE_IP[4]}; ip -n outside route add default via ${NODE_IP[6]}`,
    ...numbers.flatMap(podLayout),
  ].join('\n');
}

function podLayout(pod: number): string[] {
  const name = `p${pod}`;
  const path = `/tmp/www-${name}/cgi-bin/who`;
  return [
    `ip -n node link add veth${pod} type veth peer name eth0 netns ${name}`,
    `ip -n node link set veth${pod} master br0 up`,
    // Without it a bridge does not send a packet back to where it came from: a pod could not reach itself.
    `ip -n node link set veth${pod} type bridge_slave hairpin on`,
    `ip -n ${name} link set eth0 up`,
    `ip -n ${name} addr add ${podIp(pod)}/24 dev eth0; ip -n ${name} addr add ${podIp(pod, 6)}/64 dev eth0 nodad`,
    `ip -n ${name} route add default via 203.0.113.1; ip -n ${name} route add default via 2001:db8:1::1`,
    `mkdir -p /tmp/www-${name}/cgi-bin`,
    file(path, server(name)),
    `chmod 755 ${path}`,
    `ip netns exec ${name} httpd -p ${POD_PORT} -h /tmp/www-${name}`,
  ];
}

export function settings(family: Family = 4, rest: Partial<ProxySettings> = {}): ProxySettings {
  return {
    family,
    localDetector: { mode: 'ClusterCIDR', cidr: family === 4 ? '203.0.113.0/24' : '2001:db8:1::/64' },
    masqueradeAll: false,
    masqueradeBit: 14,
    nodePortCidrs: undefined,
    nodeIps: [NODE_IP[family]],
    localhostNodePorts: false,
    ...rest,
  };
}

export function endpoint(pod: number, rest: Partial<Endpoint> = {}, family: Family = 4): Endpoint {
  const ip = podIp(pod, family);
  return { ip, port: POD_PORT, isLocal: true, ready: true, serving: true, terminating: false, ...rest };
}

export function service(
  name: string,
  clusterIp: string,
  endpoints: readonly Endpoint[],
  rest: Partial<ServicePortPlan> = {},
): ServicePortPlan {
  return {
    name: { namespace: 'lab', name, port: '' },
    protocol: 'TCP',
    family: clusterIp.includes(':') ? 6 : 4,
    clusterIp,
    port: 80,
    nodePort: 0,
    healthCheckNodePort: 0,
    externalIps: [],
    loadBalancerIps: [],
    sourceRanges: [],
    affinitySeconds: undefined,
    internalPolicyLocal: false,
    externalPolicyLocal: false,
    clusterEndpoints: endpoints,
    localEndpoints: endpoints.filter(({ isLocal }) => isLocal),
    allEndpoints: endpoints,
    hasAnyEndpoints: endpoints.length > 0,
    ...rest,
  };
}

export function plan(services: readonly ServicePortPlan[], family: Family = 4): ProxyPlan {
  return { settings: settings(family), services };
}
