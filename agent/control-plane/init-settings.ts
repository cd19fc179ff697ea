import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { formatIp, parseCidr, parseIp } from '../../cni/index.ts';
import { JoinError } from '../bootstrap/error.ts';
import { nodePaths } from '../bootstrap/paths.ts';
import { type BootstrapToken, parseBootstrapToken } from '../bootstrap/token.ts';
import { parseDuration } from '../config/duration.ts';
import { defaultRootDir } from '../config/merge.ts';
import type { InitFile } from './init-file.ts';
import { bootstrappersGroup } from './objects/make-render.ts';
import {
  type Argument,
  componentNames,
  type ComponentName,
  type ComponentSettings,
  type ControlPlaneImages,
  hostPort,
  type InitSettings,
  type TokenSettings,
} from './settings.ts';
import { companionsOf, defaultVersion, type KubernetesVersion, parseVersion } from './version.ts';

/** Flags of `podwright init`, as commander passes them; the names are kubeadm's but for the image archives. */
export interface InitFlags {
  readonly apiserverAdvertiseAddress?: string;
  readonly apiserverBindPort?: string;
  readonly apiserverCertExtraSans?: readonly string[];
  readonly certDir?: string;
  readonly config?: string;
  readonly controlPlaneEndpoint?: string;
  readonly dockerHost?: string;
  readonly dryRun?: boolean;
  readonly ignorePreflightErrors?: readonly string[];
  readonly imageArchive?: readonly string[];
  readonly imageRepository?: string;
  readonly kubernetesDir?: string;
  readonly kubernetesVersion?: string;
  readonly nodeName?: string;
  readonly podNetworkCidr?: string;
  readonly rootDir?: string;
  readonly serviceCidr?: string;
  readonly serviceDnsDomain?: string;
  readonly skipPhases?: readonly string[];
  readonly skipTokenPrint?: boolean;
  readonly token?: string;
  readonly tokenTtl?: string;
}

/** What the machine says where nobody else does. */
export interface HostDefaults {
  readonly hostname: string;
  /** Of the interface with the default route; undefined without one. */
  readonly address: string | undefined;
  /** Of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const defaultRepository = 'registry.k8s.io';

/**
 * Flags count more than the file.
 *
 * @throws JoinError
 */
export function initSettings(flags: InitFlags, file: InitFile | undefined, host: HostDefaults): InitSettings {
  const { cluster, init } = file ?? {};
  const { networking } = cluster ?? {};
  const version = parseVersion(flags.kubernetesVersion ?? (cluster?.kubernetesVersion || defaultVersion));
  const kubernetesDir = flags.kubernetesDir ?? '/etc/kubernetes';
  const rootDir = flags.rootDir ?? defaultRootDir;
  const certificatesDir = flags.certDir ?? (cluster?.certificatesDir || join(kubernetesDir, 'pki'));
  const registration = init?.nodeRegistration;
  const podSubnet = flags.podNetworkCidr ?? (networking?.podSubnet || undefined);
  const bindPort = Number(flags.apiserverBindPort ?? init?.localAPIEndpoint?.bindPort ?? 6443);
  return {
    version,
    clusterName: cluster?.clusterName || 'kubernetes',
    nodeName: (flags.nodeName ?? (registration?.name || host.hostname)).trim().toLowerCase(),
    advertiseAddress: advertiseAddress(flags, file, host),
    bindPort: checkPort(bindPort),
    controlPlaneEndpoint: controlPlaneEndpoint(flags.controlPlaneEndpoint ?? cluster?.controlPlaneEndpoint, bindPort),
    podSubnet: podSubnet === undefined ? undefined : checkRanges('--pod-network-cidr', podSubnet, 1),
    serviceSubnet: checkRanges(
      '--service-cidr',
      flags.serviceCidr ?? (networking?.serviceSubnet || '10.96.0.0/12'),
      10,
    ),
    dnsDomain: flags.serviceDnsDomain ?? (networking?.dnsDomain || 'cluster.local'),
    images: images(flags, file, version),
    imagePullPolicy: registration?.imagePullPolicy || 'IfNotPresent',
    ...{ kubernetesDir, rootDir, certificatesDir },
    etcdDataDir: cluster?.etcd?.local?.dataDir || '/var/lib/etcd',
    etcdSans: {
      server: cluster?.etcd?.local?.serverCertSANs ?? [],
      peer: cluster?.etcd?.local?.peerCertSANs ?? [],
    },
    certSans: split(flags.apiserverCertExtraSans) ?? cluster?.apiServer?.certSANs ?? [],
    keyAlgorithm: cluster?.encryptionAlgorithm ?? 'RSA-2048',
    lifetimes: {
      certificateMs: cluster?.certificateValidityPeriod ?? 365 * dayMs,
      authorityMs: cluster?.caCertificateValidityPeriod ?? 3650 * dayMs,
    },
    components: components(file, proxyVariables(host.environment)),
    tokens: tokens(flags, file),
    // No taint unless asked for: a cluster of one node has no other place for pods.
    taints: (registration?.taints ?? []).map(({ key, value, effect }) => ({
      key,
      effect,
      ...(value ? { value } : {}),
    })),
    kubeletArgs: kubeletArgs(flags, file),
    ...{ kubeletConfig: file?.kubelet ?? {}, kubeProxyConfig: file?.kubeProxy ?? {} },
    paths: nodePaths(kubernetesDir, rootDir, join(certificatesDir, 'ca.crt')),
    startTimeoutMs:
      init?.timeouts?.controlPlaneComponentHealthCheck ?? cluster?.apiServer?.timeoutForControlPlane ?? 240_000,
    dockerHost: flags.dockerHost,
    imageArchives: flags.imageArchive ?? [],
    ignoredErrors: lowerCase([...(flags.ignorePreflightErrors ?? []), ...(registration?.ignorePreflightErrors ?? [])]),
    skippedPhases: lowerCase(flags.skipPhases ?? [...(init?.skipPhases ?? []), ...skippedByFile(file)]),
    skipTokenPrint: flags.skipTokenPrint ?? false,
    dryRun: flags.dryRun ?? init?.dryRun ?? false,
  };
}

const split = (texts: readonly string[] | undefined): readonly string[] | undefined =>
  texts?.flatMap((text) => text.split(',')).map((text) => text.trim());

const lowerCase = (texts: readonly string[]): ReadonlySet<string> =>
  new Set((split(texts) ?? []).map((text) => text.toLowerCase()));

const skippedByFile = (file: InitFile | undefined): readonly string[] =>
  file?.cluster?.dns?.disabled === true ? ['addon/coredns'] : [];

function advertiseAddress(flags: InitFlags, file: InitFile | undefined, { address }: HostDefaults): string {
  const given = flags.apiserverAdvertiseAddress ?? (file?.init?.localAPIEndpoint?.advertiseAddress || address);
  const parsed = given === undefined ? undefined : parseIp(given);
  if (parsed !== undefined) return formatIp(parsed);
  const problem =
    given === undefined ? 'this host has no default route to take an address from' : `${given} is no address`;
  throw new JoinError(problem, 'give --apiserver-advertise-address=ADDRESS, one of this host that nodes can reach');
}

function checkPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new JoinError(`--apiserver-bind-port: ${port} is no port`);
}

/** `host` or `host:port`. */
function controlPlaneEndpoint(text: string | null | undefined, bindPort: number): string | undefined {
  if (!text) return undefined;
  const [, host = '', port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host !== '' && URL.canParse(`https://${text}`)) return `${host}:${port ?? bindPort}`;
  if (parseIp(text) !== undefined) return hostPort(text, bindPort);
  throw new JoinError(`--control-plane-endpoint: ${JSON.stringify(text)} must be HOST or HOST:PORT`);
}

/** @param least how many addresses the first range must have beside its own */
function checkRanges(name: string, text: string, least: number): string {
  const ranges = text.split(',').map((part) => parseCidr(part.trim()));
  const [first] = ranges;
  if (first !== undefined && ranges.every((range) => range !== undefined) && first.last - first.first > BigInt(least)) {
    return text.replaceAll(' ', '');
  }
  throw new JoinError(`${name}: ${text} must be a range such as 10.244.0.0/16, or one of each family with a comma`);
}

/** `cmd/kubeadm/app/images/images.go`: CoreDNS has a folder of its own in the registry of Kubernetes. */
function images(flags: InitFlags, file: InitFile | undefined, version: KubernetesVersion): ControlPlaneImages {
  const repository = (flags.imageRepository ?? (file?.cluster?.imageRepository || defaultRepository)).replace(
    /\/$/,
    '',
  );
  const companions = companionsOf(version);
  const { etcd, dns } = { etcd: file?.cluster?.etcd?.local, dns: file?.cluster?.dns };
  const dnsFolder = repository === defaultRepository && version.minor > 20 ? `${repository}/coredns` : repository;
  const core = (name: string): string => `${repository}/${name}:${version.text.replace('+', '_')}`;
  return {
    etcd: `${etcd?.imageRepository || repository}/etcd:${etcd?.imageTag || companions.etcd}`,
    'kube-apiserver': core('kube-apiserver'),
    'kube-controller-manager': core('kube-controller-manager'),
    'kube-scheduler': core('kube-scheduler'),
    coredns: `${dns?.imageRepository || dnsFolder}/coredns:${dns?.imageTag || companions.dns}`,
  };
}

type Variables = ComponentSettings['extraEnvs'];

/** What of the environment says how to reach other hosts, as `GetProxyEnvVars` of `cmd/kubeadm/app/util` takes it. */
const proxyVariables = (environment: HostDefaults['environment']): Variables =>
  Object.entries(environment).flatMap(([name, value]) => (value && /_proxy$/i.test(name) ? [{ name, value }] : []));

/** Those of the user count more. etcd, which speaks to its members only, needs no way through a proxy. */
function variables(name: ComponentName, proxies: Variables, given: Variables): Variables {
  const names = new Set(given.map((each) => each.name));
  return [...(name === 'etcd' ? [] : proxies.filter((each) => !names.has(each.name))), ...given];
}

function components(file: InitFile | undefined, proxies: Variables): InitSettings['components'] {
  const { apiServer, controllerManager, scheduler, etcd } = file?.cluster ?? {};
  const given: Readonly<Record<ComponentName, Partial<Nullable<ComponentSettings>> | null | undefined>> = {
    etcd: etcd?.local as Partial<Nullable<ComponentSettings>> | null | undefined,
    'kube-apiserver': apiServer as Partial<Nullable<ComponentSettings>> | null | undefined,
    'kube-controller-manager': controllerManager as Partial<Nullable<ComponentSettings>> | null | undefined,
    'kube-scheduler': scheduler as Partial<Nullable<ComponentSettings>> | null | undefined,
  };
  const of = (name: ComponentName): ComponentSettings => ({
    extraArgs: given[name]?.extraArgs ?? [],
    extraVolumes: given[name]?.extraVolumes ?? [],
    extraEnvs: variables(name, proxies, given[name]?.extraEnvs ?? []),
  });
  return Object.fromEntries(componentNames.map((name) => [name, of(name)])) as InitSettings['components'];
}

type Nullable<T> = { readonly [K in keyof T]: T[K] | null | undefined };

export const defaultUsages = ['signing', 'authentication'] as const;

function tokens({ token, tokenTtl }: InitFlags, file: InitFile | undefined): readonly TokenSettings[] {
  const given = file?.init?.bootstrapTokens ?? [{}];
  return given.map((each, index) => {
    const text = (index === 0 ? token : undefined) ?? (each.token || undefined);
    const ttlMs = index === 0 && tokenTtl !== undefined ? parseTtl(tokenTtl) : (each.ttl ?? dayMs);
    return {
      token: text === undefined ? newBootstrapToken() : parseBootstrapToken(text),
      ttlMs: ttlMs === 0 ? undefined : ttlMs,
      description: each.description || 'The default bootstrap token generated by podwright init.',
      groups: each.groups ?? [bootstrappersGroup],
      usages: each.usages ?? defaultUsages,
    };
  });
}

/** Milliseconds; 0 for one that never ends. @throws JoinError */
export function parseTtl(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 0) return ms;
  throw new JoinError(
    `the lifetime of a token must be a duration such as 2h, or 0 for one without an end, not ${text}`,
  );
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export function newBootstrapToken(): BootstrapToken {
  const letters = (count: number): string =>
    Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)] ?? '').join('');
  return { id: letters(6), secret: letters(16) };
}

function kubeletArgs({ nodeName }: InitFlags, file: InitFile | undefined): readonly Argument[] {
  const { name, kubeletExtraArgs } = file?.init?.nodeRegistration ?? {};
  const override = nodeName ?? name;
  return [...(override ? [{ name: 'hostname-override', value: override }] : []), ...(kubeletExtraArgs ?? [])];
}
