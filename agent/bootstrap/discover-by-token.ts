import type { Clock } from '../clock.ts';
import { checkCaPins } from './ca-pins.ts';
import {
  type ClusterInfoData,
  clusterInfoPath,
  hasSignature,
  parseClusterInfo,
  unknownToken,
  verifiedKubeconfig,
} from './cluster-info.ts';
import { JoinError } from './error.ts';
import type { HttpsGet, Trust } from './https-get.ts';
import { type ClusterInfo, parseDiscoveryKubeconfig } from './kubeconfig.ts';
import { isStranger, unreachable } from './reachability.ts';
import type { BootstrapToken } from './token.ts';

export interface TokenDiscovery {
  /** `host:port`. */
  readonly endpoint: string;
  readonly token: BootstrapToken;
  /** Hashes of which the CA must have one; undefined: the token's signature has to do. */
  readonly pins: ReadonlySet<string> | undefined;
  /** After which a server that cannot be reached is given up; kubeadm: 5 minutes. */
  readonly timeoutMs: number;
}

export interface DiscoveryDeps {
  readonly get: HttpsGet;
  readonly clock: Clock;
  /** Tells the user what is going on. */
  readonly say: (text: string) => void;
}

const retryMs = 2_000;
/** The bootstrapsigner signs within a second or two after a token was made; a token that does not exist is never signed. */
const signatureTimeoutMs = 15_000;

/**
 * Learns of the cluster from somebody who knows the token (`cmd/kubeadm/app/discovery/token`): asks whoever answers, believes
 * what the token signed, and with pins asks again, now believing only a server that the pinned CA vouches for.
 *
 * @throws JoinError
 */
export async function discoverByToken(
  discovery: TokenDiscovery,
  deps: DiscoveryDeps,
  signal: AbortSignal,
): Promise<ClusterInfo> {
  const { token, pins, endpoint } = discovery;
  const kubeconfig = verifiedKubeconfig(await fetchSigned(discovery, 'anybody', deps, signal), token);
  const found = parseDiscoveryKubeconfig('kube-public/cluster-info', kubeconfig);
  if (pins === undefined) return found;
  checkCaPins(found.certificateAuthority, pins);
  deps.say(`requesting info from "https://${endpoint}" again to validate TLS against the pinned public key`);
  const again = await fetchSigned(discovery, { ca: found.certificateAuthority }, deps, signal);
  if (again['kubeconfig'] === kubeconfig) return found;
  throw new JoinError(
    'cluster-info was another one when asked for with verified TLS',
    'it may just have changed: try again; if this repeats, somebody stands between',
  );
}

/** Asks until there is a signature for the token. */
async function fetchSigned(
  discovery: TokenDiscovery,
  trust: Trust,
  deps: DiscoveryDeps,
  signal: AbortSignal,
): Promise<ClusterInfoData> {
  const { clock, say } = deps;
  const startedAt = clock.now();
  let unsignedSince: number | undefined;
  for (;;) {
    const data = await fetchOnce(discovery, trust, deps, startedAt, signal);
    if (data !== undefined && hasSignature(data, discovery.token)) return data;
    if (data !== undefined) {
      if (unsignedSince === undefined) say(`waiting for a signature of token id ${discovery.token.id}`);
      unsignedSince ??= clock.now();
      if (clock.now() - unsignedSince >= signatureTimeoutMs) throw unknownToken(discovery.token);
    }
    await clock.sleep(retryMs, signal);
  }
}

/** Undefined: the server could not be asked, and there is time left to try again. */
async function fetchOnce(
  { endpoint, timeoutMs }: TokenDiscovery,
  trust: Trust,
  { get, clock, say }: DiscoveryDeps,
  startedAt: number,
  signal: AbortSignal,
): Promise<ClusterInfoData | undefined> {
  const url = `https://${endpoint}${clusterInfoPath}`;
  try {
    const { status, body } = await get(url, trust, signal);
    if (status === 200) return parseClusterInfo(body);
    if (status < 500) throw refused(endpoint, status);
    throw new Error(`it answered ${status}`);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof JoinError) throw error;
    const failure = unreachable(url, error);
    if (isStranger(error) || clock.now() - startedAt + retryMs > timeoutMs) throw failure;
    say(`${failure.message}; trying again`);
    return undefined;
  }
}

function refused(endpoint: string, status: number): JoinError {
  return new JoinError(
    `${endpoint} answered ${status} when asked for kube-public/cluster-info`,
    'this cluster does not let strangers read it, or is not set up for bootstrap tokens: use --discovery-file',
  );
}
