import { createIpvsBackend } from '../../../proxy/ipvs/index.ts';
import type { Exec } from '../../../cni/util/exec.ts';
import type { Family, ProxyBackend, Protocol } from '../../../proxy/types.ts';
import type { Guest } from '../../lab/guest.ts';
import { addressOf, FAMILIES, type Place, PLACES, type Source } from '../../scenarios/world.ts';

/** Connections that one client makes. */
export interface GuestQuestion {
  readonly from: Source;
  readonly protocol: Protocol;
  readonly ip: string;
  readonly port: number;
  readonly times: number;
  /** Until a connection counts as dropped. */
  readonly seconds: number;
  /** Of the client; default any. */
  readonly sourcePort?: number;
}

type BackendOptions = Pick<Parameters<typeof createIpvsBackend>[0], 'scheduler' | 'strictArp'>;

/**
 * The world of the scenarios (test/scenarios/world.ts) in a guest, as the lab of the other modes (scenarios.test.ts): each place is a
 * network namespace, {@link namespaceOf}, and tells its name on the ports 8080 and 8081.
 */
export interface IpvsNode {
  readonly guest: Guest;
  /** Programs that ran for backends, by their names. */
  readonly ran: string[];
  /** Milliseconds that the clock of the backends is ahead. */
  advance(ms: number): void;
  backend(family: Family, options?: BackendOptions): ProxyBackend;
  /** What the connections of each question met: the server's answer, `refused`, `silence`, or another error. */
  ask(questions: readonly GuestQuestion[]): Promise<readonly (readonly string[])[]>;
}

export async function createIpvsNode(guest: Guest): Promise<IpvsNode> {
  await guest.check(layout);
  await guest.check(`perl /opt/guest-net.pl serve <<'END'\n${servers.join('\n')}\nEND`);
  let ahead = 0;
  const ran: string[] = [];
  const inNode = guest.exec(namespaceOf('node'));
  const exec: Exec = (request, signal) => {
    ran.push(request.file);
    return inNode(request, signal);
  };
  return {
    guest,
    ran,
    advance: (ms) => (ahead += ms),
    backend: (family, options) =>
      createIpvsBackend({
        ...options,
        exec,
        family,
        setSysctl: async (name, value) => {
          await guest.check(`${enter('node')} sh -c 'echo ${value} >/proc/sys/${name}'`);
        },
        clock: { now: () => Date.now() + ahead },
      }),
    ask: (questions) => askGuest(guest, questions),
  };
}

export const namespaceOf = (place: Place | 'node' | 'outside'): string => `s-${place}`;

/** What begins a command that runs at a place. */
export const enter = (place: Place | 'node' | 'outside'): string => `nsenter --net=/run/netns/${namespaceOf(place)}`;

/** Some hundred connections take 5 s, on a machine that is not busy. */
const ASK_TIMEOUT_MS = 300_000;

async function askGuest(guest: Guest, questions: readonly GuestQuestion[]): Promise<readonly (readonly string[])[]> {
  const lines = questions.map(({ from, protocol, ip, port, times, seconds, sourcePort = 0 }) =>
    [namespaceOf(from), protocol, ip, port, times, seconds, sourcePort].join(' '),
  );
  const script = `perl /opt/guest-net.pl ask <<'END'\n${lines.join('\n')}\nEND`;
  const { stdout, stderr } = await guest.run(script, ASK_TIMEOUT_MS);
  const answers = stdout.split('\n').slice(0, -1);
  if (stderr !== '' || answers.length !== lines.length) throw new Error(`connections in the guest: ${stderr}`);
  return answers.map((line) => line.split('\t'));
}

const servers = [
  ...PLACES.flatMap((place) => ['TCP', 'UDP'].map((transport) => `${namespaceOf(place)} ${transport} 8080 ${place}`)),
  ...['a', 'b'].map((place) => `s-${place} TCP 8081 ${place}:8081`),
];

const pods = PLACES.filter((place) => place !== 'far');

/** Inputs of `ip -batch`, one a namespace. The links of the node bring those of the others. */
const batches: Readonly<Record<string, readonly string[]>> = {
  node: [
    'link set lo up',
    'link add cni0 type bridge',
    'link set cni0 up',
    `addr add ${addressOf('bridge', 4)}/24 dev cni0`,
    `addr add ${addressOf('bridge', 6)}/64 dev cni0 nodad`,
    ...pods.flatMap((pod) => [
      `link add to-${pod} type veth peer name eth0 netns ${namespaceOf(pod)}`,
      `link set to-${pod} master cni0 up`,
      // Without it a bridge does not send a packet back to where it came from: a pod could not reach itself.
      `link set to-${pod} type bridge_slave hairpin on`,
    ]),
    `link add up0 type veth peer name eth0 netns ${namespaceOf('outside')}`,
    `link add up1 type veth peer name eth0 netns ${namespaceOf('far')}`,
    ...['up0', 'up1'].map((link) => `link set ${link} up`),
    `addr add ${addressOf('node', 4)}/24 dev up0`,
    `addr add ${addressOf('node', 6)}/64 dev up0 nodad`,
    `addr add ${addressOf('node', 6)}/128 dev up1 nodad`,
    ...FAMILIES.map((family) => `route add ${addressOf('far', family)} dev up1 src ${addressOf('node', family)}`),
  ],
  ...Object.fromEntries(pods.map((pod) => [pod, host(pod, 'bridge')])),
  outside: host('outside', 'node'),
  far: host('far', 'node'),
};

/** A host with one link, and its way to all others. The far one has no network in common with the node. */
function host(name: Place | 'outside', gateway: 'bridge' | 'node'): readonly string[] {
  const isFar = name === 'far';
  return [
    'link set lo up',
    'link set eth0 up',
    `addr add ${addressOf(name, 4)}/${isFar ? 32 : 24} dev eth0`,
    `addr add ${addressOf(name, 6)}/${isFar ? 128 : 64} dev eth0 nodad`,
    ...FAMILIES.flatMap((family) => [
      ...(isFar ? [`route add ${addressOf(gateway, family)} dev eth0`] : []),
      `route add default via ${addressOf(gateway, family)}`,
    ]),
  ];
}

/** The kernel would say only now and then that a port is closed. */
const sysctls = ['ipv4/ip_forward 1', 'ipv6/conf/all/forwarding 1', 'ipv6/icmp/ratelimit 0', 'ipv4/icmp_ratelimit 0'];

const batch = (options: string, lines: readonly string[]): string =>
  `ip ${options} -batch - <<'END'\n${lines.join('\n')}\nEND`;

const layout = [
  'set -e',
  batch(
    '',
    Object.keys(batches).map((name) => `netns add s-${name}`),
  ),
  ...sysctls
    .map((sysctl) => sysctl.split(' '))
    .map(([name, value]) => `${enter('node')} sh -c 'echo ${value} >/proc/sys/net/${name}'`),
  ...Object.entries(batches).map(([name, lines]) => batch(`-n s-${name}`, lines)),
].join('\n');
