import { hasControlPlane, refuseControlPlane } from './control-plane.ts';
import { JoinError } from './error.ts';
import { parseCaPins } from './ca-pins.ts';
import type { JoinFile } from './join-file.ts';
import { nodePaths, type NodePaths } from './paths.ts';
import { type BootstrapToken, parseBootstrapToken } from './token.ts';

/** Flags of `podwright join`, as commander passes them; the names are kubeadm's. */
export interface JoinFlags {
  readonly token?: string;
  readonly discoveryToken?: string;
  readonly tlsBootstrapToken?: string;
  readonly discoveryTokenCaCertHash?: readonly string[];
  readonly discoveryTokenUnsafeSkipCaVerification?: boolean;
  readonly discoveryFile?: string;
  readonly config?: string;
  readonly nodeName?: string;
  readonly criSocket?: string;
  readonly ignorePreflightErrors?: readonly string[];
  readonly skipPhases?: readonly string[];
  readonly dryRun?: boolean;
  readonly kubernetesDir?: string;
  readonly rootDir?: string;
  readonly dockerHost?: string;
  readonly controlPlane?: boolean;
  readonly certificateKey?: string;
  readonly apiserverAdvertiseAddress?: string;
  readonly apiserverBindPort?: string;
}

export type Discovery =
  | {
      readonly by: 'token';
      readonly endpoint: string;
      readonly token: BootstrapToken;
      /** Undefined: the user takes the risk. */
      readonly pins: ReadonlySet<string> | undefined;
    }
  | { readonly by: 'file'; readonly place: string };

/** All that a join is told; validated. */
export interface JoinSettings {
  readonly discovery: Discovery;
  /** Undefined: the credentials in the discovery file. */
  readonly tlsBootstrapToken: BootstrapToken | undefined;
  readonly nodeName: string;
  /** Flags for the kubelet, in order: `name`, without dashes, and value. */
  readonly kubeletArgs: readonly { readonly name: string; readonly value: string }[];
  /** In lower case; `all` for each. */
  readonly ignoredErrors: ReadonlySet<string>;
  /** In lower case; `preflight`, `kubelet-start`. */
  readonly skippedPhases: ReadonlySet<string>;
  readonly paths: NodePaths;
  readonly discoveryTimeoutMs: number;
  readonly tlsBootstrapTimeoutMs: number;
  readonly dryRun: boolean;
}

const fiveMinutesMs = 300_000;

/**
 * Flags count more than the file.
 *
 * @param endpoint the command's argument
 * @param hostname of this machine
 * @throws JoinError
 */
export function joinSettings(
  endpoint: string | undefined,
  flags: JoinFlags,
  file: JoinFile | undefined,
  hostname: string,
): JoinSettings {
  if (hasControlPlane(flags, file)) throw refuseControlPlane();
  const discovery = discoveryOf(endpoint, flags, file);
  const registration = file?.nodeRegistration;
  const tlsToken =
    flags.tlsBootstrapToken ??
    flags.token ??
    (file?.discovery?.tlsBootstrapToken || file?.discovery?.bootstrapToken?.token);
  return {
    discovery,
    tlsBootstrapToken: tlsToken
      ? parseBootstrapToken(tlsToken)
      : discovery.by === 'token'
        ? discovery.token
        : undefined,
    nodeName: (flags.nodeName ?? (registration?.name || hostname)).trim().toLowerCase(),
    kubeletArgs: kubeletArgs(flags, file),
    ignoredErrors: ignoredErrors(flags, file),
    skippedPhases: skippedPhases(flags, file),
    paths: nodePaths(
      flags.kubernetesDir ?? '/etc/kubernetes',
      flags.rootDir ?? '/var/lib/kubelet',
      file?.caCertPath || undefined,
    ),
    discoveryTimeoutMs: file?.timeouts?.discovery ?? file?.discovery?.timeout ?? fiveMinutesMs,
    tlsBootstrapTimeoutMs: file?.timeouts?.tlsBootstrap ?? fiveMinutesMs,
    dryRun: flags.dryRun ?? file?.dryRun ?? false,
  };
}

function discoveryOf(argument: string | undefined, flags: JoinFlags, file: JoinFile | undefined): Discovery {
  const given = file?.discovery?.bootstrapToken;
  const place = flags.discoveryFile ?? file?.discovery?.file?.kubeConfigPath;
  const token = flags.discoveryToken ?? (place === undefined ? flags.token : undefined) ?? given?.token;
  if (place !== undefined && token) throw new JoinError('discovery by token and by file exclude each other: give one');
  if (place) return { by: 'file', place };
  if (!token) throw new JoinError('no way to find the cluster: give --token, --discovery-file or --config', joinAdvice);
  const hashes = flags.discoveryTokenCaCertHash ?? given?.caCertHashes ?? [];
  const isUnsafe = flags.discoveryTokenUnsafeSkipCaVerification ?? given?.unsafeSkipCAVerification ?? false;
  if (hashes.length === 0 && !isUnsafe) {
    throw new JoinError(
      'no --discovery-token-ca-cert-hash: anybody who knows the token could claim to be the cluster',
      `${joinAdvice}; or take the risk with --discovery-token-unsafe-skip-ca-verification`,
    );
  }
  return {
    by: 'token',
    endpoint: parseEndpoint(argument ?? given?.apiServerEndpoint ?? ''),
    token: parseBootstrapToken(token),
    pins: hashes.length === 0 ? undefined : parseCaPins(hashes),
  };
}

const joinAdvice = 'kubeadm token create --print-join-command, on a control-plane node, prints what to give';

const endpointFormat = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/;

/** `host:port`, an IPv6 address in brackets. */
function parseEndpoint(text: string): string {
  const port = Number(endpointFormat.exec(text)?.[2]);
  if (port > 0 && port < 65536 && URL.canParse(`https://${text}`)) return text;
  const problem = text === '' ? 'the address of the API server is missing' : `${JSON.stringify(text)} is no address`;
  throw new JoinError(`${problem}: it must be HOST:PORT, as 192.0.2.1:6443 or [2001:db8::1]:6443`);
}

function ignoredErrors({ ignorePreflightErrors = [] }: JoinFlags, file: JoinFile | undefined): ReadonlySet<string> {
  const names = [...ignorePreflightErrors, ...(file?.nodeRegistration?.ignorePreflightErrors ?? [])];
  return new Set(names.flatMap((text) => text.split(',')).map((name) => name.trim().toLowerCase()));
}

/**
 * kubeadm's names of phases that can be left out: the checks, and the start of what runs the node. Without `kubelet-start` the
 * node's files are written all the same, as they are what a join is for.
 */
const joinPhases = ['preflight', 'kubelet-start'];
/** Others of kubeadm's, which a worker's join does not have, or not as a step of its own (`cmd/kubeadm/app/cmd/join.go`). */
const otherPhases = [
  'control-plane-prepare',
  'control-plane-join',
  'etcd-join',
  'kubelet-wait-bootstrap',
  'wait-control-plane',
];

function skippedPhases({ skipPhases = [] }: JoinFlags, file: JoinFile | undefined): ReadonlySet<string> {
  const names = [...skipPhases, ...(file?.skipPhases ?? [])];
  const phases = names.flatMap((text) => text.split(',')).map((name) => name.trim().toLowerCase());
  const unknown = phases.find((name) => ![...joinPhases, ...otherPhases].includes(name.split('/')[0] ?? ''));
  if (unknown === undefined) return new Set(phases);
  throw new JoinError(`no phase "${unknown}" can be skipped: there are ${joinPhases.join(' and ')}`);
}

/** As kubeadm hands them to the kubelet: taints, then what the user gave (`phases/kubelet/flags.go`). */
function kubeletArgs({ nodeName }: JoinFlags, file: JoinFile | undefined): JoinSettings['kubeletArgs'] {
  const { name, taints, kubeletExtraArgs = [] } = file?.nodeRegistration ?? {};
  const override = nodeName ?? name;
  const registered = (taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`);
  return [
    ...(override ? [{ name: 'hostname-override', value: override }] : []),
    ...(registered.length > 0 ? [{ name: 'register-with-taints', value: registered.join(',') }] : []),
    ...(kubeletExtraArgs ?? []),
  ];
}
