import { isIPv4 } from 'node:net';
import { formatIp, parseIp } from '../../cni/index.ts';
import type { Family, LocalDetector, Packet, Protocol, ProxyMode, ProxyPlans } from '../../proxy/index.ts';
import type { Pod, Service } from '../objects/types.ts';

/** What is known of this node. */
export interface TraceKnowledge {
  readonly mode: ProxyMode;
  readonly plans: ProxyPlans;
  readonly nodeName: string;
  /** Of this node, with their status. */
  readonly pods: readonly Pod[];
  /** With the addresses that they were given. */
  readonly services: readonly Service[];
  /** All addresses of the host, its preferred ones first, without those of the loopback. */
  readonly localAddresses: readonly string[];
}

/** What is to be traced, as a user says it. */
export interface TraceQuestion {
  /** `namespace/name` or name of a pod, an address, or `node`. */
  readonly source: string;
  /** `namespace/name`, name or `name.namespace` of a Service, an address, or `node`. */
  readonly destination: string;
  /** Number, or for a Service the name of a port. */
  readonly port: string;
  readonly protocol: Protocol;
}

/** The question names something that is not there; the message says what there is. */
export class TraceQuestionError extends Error {
  override readonly name = 'TraceQuestionError';
}

export interface Source {
  /** In words. */
  readonly name: string;
  /** Those that it has an address of. */
  readonly families: readonly Family[];
  packet(family: Family): Pick<Packet, 'src' | 'sourceKind' | 'inInterface'>;
}

/** @throws TraceQuestionError */
export function findSource(text: string, known: TraceKnowledge): Source {
  if (text === 'node') return nodeSource(known);
  const address = canonical(text);
  if (address === undefined) return podSource(findPod(text, known), known);
  if (known.localAddresses.includes(address) || isLoopback(address))
    return { ...nodeSource(known), ...from(address, 'node', 'this node') };
  const pod = known.pods.find((one) => !isHost(one) && podAddresses(one).includes(address));
  if (pod !== undefined) return podSource(pod, known);
  return from(address, 'external', 'another host');
}

function from(src: string, sourceKind: 'node' | 'external', name: string): Source {
  return { name, families: [familyOf(src)], packet: () => ({ src, sourceKind }) };
}

function nodeSource({ localAddresses }: TraceKnowledge): Source {
  const of = (family: Family): string | undefined => localAddresses.find((address) => familyOf(address) === family);
  return {
    name: 'this node',
    families: ([4, 6] as const).filter((family) => of(family) !== undefined),
    packet: (family) => ({ src: of(family) ?? '', sourceKind: 'node' }),
  };
}

function podSource(pod: Pod, known: TraceKnowledge): Source {
  const name = `pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  if (isHost(pod)) return { ...nodeSource(known), name: `${name} in the host network` };
  const addresses = podAddresses(pod);
  if (addresses.length === 0) throw new TraceQuestionError(`${name} has no address: it does not run`);
  return {
    name,
    families: addresses.map(familyOf),
    packet: (family) => ({
      src: addresses.find((address) => familyOf(address) === family) ?? '',
      sourceKind: 'pod',
      ...linkOf(known.plans[family].settings.localDetector),
    }),
  };
}

/** Where pods are told by their link, this is one of theirs. */
function linkOf(detector: LocalDetector): { readonly inInterface?: string } {
  if (detector.mode === 'BridgeInterface') return { inInterface: detector.bridge };
  return detector.mode === 'InterfaceNamePrefix' ? { inInterface: `${detector.prefix}0` } : {};
}

function findPod(text: string, { pods, nodeName }: TraceKnowledge): Pod {
  const [name = '', namespace] = text.split('/').reverse();
  const names = [name, `${name}-${nodeName.toLowerCase()}`];
  const found = pods.filter(
    ({ metadata }) => names.includes(metadata.name) && (namespace ?? metadata.namespace) === metadata.namespace,
  );
  return one(found, `pod ${text}`, pods);
}

/**
 * Where a question leads.
 *
 * @param families those that the source can send by
 * @throws TraceQuestionError
 */
export function findDestination(
  { destination, port }: TraceQuestion,
  families: readonly Family[],
  known: TraceKnowledge,
): { readonly ip: string; readonly port: number } {
  const address = destination === 'node' ? nodeAddress(families, known) : canonical(destination);
  if (address === undefined) return serviceAddress(findService(destination, known), port, families);
  if (!families.includes(familyOf(address)))
    throw new TraceQuestionError(`the source has no IPv${familyOf(address)} address to reach ${address} from`);
  return { ip: address, port: portNumber(port) };
}

function nodeAddress(families: readonly Family[], { localAddresses }: TraceKnowledge): string | undefined {
  return localAddresses.find((address) => families.includes(familyOf(address)));
}

/** `web`, `lab/web`, `web.lab`, `web.lab.svc` and longer. */
function findService(text: string, { services }: TraceKnowledge): Service {
  const [, dotted, inNamespace] = /^([^./]+)\.([^./]+)(?:\.svc(?:\..*)?)?$/.exec(text) ?? [];
  const [name = '', namespace] = dotted === undefined ? text.split('/').reverse() : [dotted, inNamespace];
  const found = services.filter(
    ({ metadata }) => metadata.name === name && (namespace ?? metadata.namespace) === metadata.namespace,
  );
  return one(found, `Service ${text}`, services);
}

function serviceAddress(
  { metadata, spec = {} }: Service,
  text: string,
  families: readonly Family[],
): { readonly ip: string; readonly port: number } {
  const name = `${metadata.namespace}/${metadata.name}`;
  const addresses = (spec.clusterIPs ?? [spec.clusterIP ?? '']).flatMap((each) => canonical(each) ?? []);
  if (addresses.length === 0) {
    const why = spec.type === 'ExternalName' ? `an alias of ${spec.externalName ?? ''}` : 'headless';
    throw new TraceQuestionError(`Service ${name} has no cluster IP: it is ${why}, and no rules are made for it`);
  }
  const ip = addresses.find((address) => families.includes(familyOf(address)));
  if (ip === undefined) throw new TraceQuestionError(`Service ${name} has no address of a family that the source has`);
  const named = spec.ports?.find((port) => port.name === text);
  return { ip, port: named?.port ?? portNumber(text) };
}

function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new TraceQuestionError(`"${text}" is no port: a number from 1 to 65535 is`);
  return port;
}

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

function one<T extends Named>(found: readonly T[], what: string, all: readonly Named[]): T {
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  const names = (second === undefined ? all : found).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  const there = names.length === 0 ? 'there are none here' : `here are ${names.join(', ')}`;
  throw new TraceQuestionError(
    second === undefined ? `there is no ${what}; ${there}` : `more than one is called ${what}: ${there}`,
  );
}

const isLoopback = (address: string): boolean => /^(127\.|::1$)/.test(address);

const isHost = ({ spec }: Pod): boolean => spec.hostNetwork === true;

const podAddresses = ({ status }: Pod): readonly string[] =>
  (status?.podIPs ?? []).flatMap(({ ip = '' }) => canonical(ip) ?? []);

const familyOf = (address: string): Family => (isIPv4(address) ? 4 : 6);

/** The address as the rules have it; undefined for what is none. */
function canonical(text: string): string | undefined {
  const ip = parseIp(text.replace(/^\[(.*)\]$/, '$1'));
  return ip === undefined ? undefined : formatIp(ip);
}
