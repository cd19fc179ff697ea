import { formatIp, parseIp } from '../ip/cidr.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import { type Exec, ExecFailure } from '../util/exec.ts';
import { planChanges } from './changes-plan.ts';
import { routeProtocol, tunnelDevice } from './names.ts';
import { hostCommands, type HostFacts, parseHost, parseTunnel } from './observe.ts';
import { planPeers, type RouteRequest, type WantedRoutes } from './plan.ts';
import { renderFdb, renderIp } from './render.ts';
import type { Tunnel } from './types.ts';

/**
 * Makes true the routes to other nodes' pods, and the VXLAN device where one is needed. To be repeated; what is as it should
 * be costs one process, three with the device.
 *
 * @throws CniError when a change failed; the others were made
 */
export async function ensureRoutes(given: RouteRequest, exec: Exec, signal: AbortSignal): Promise<WantedRoutes> {
  const request = canonical(given);
  const facts = await readHost(request, exec, signal);
  const wanted = planPeers(request, facts);
  const changes = planChanges(wanted, { routes: facts.routes, tunnel: await readTunnel(facts, exec, signal) });
  await apply(exec, signal, 'ip', renderIp(changes));
  await apply(exec, signal, 'bridge', renderFdb(changes.tunnel));
  return wanted;
}

/** Removes routes to other nodes' pods, and the device. */
export async function removeRoutes(exec: Exec, signal: AbortSignal): Promise<void> {
  const request: RouteRequest = { nodeIps: [], peers: [], podCidrs: [], backend: 'auto' };
  await ensureRoutes(request, exec, signal);
}

/** Addresses go into the input of programs: only what is one, and in one spelling. */
function canonical(request: RouteRequest): RouteRequest {
  const addresses = (texts: readonly string[]): readonly string[] =>
    texts.flatMap((text) => {
      const ip = parseIp(text);
      return ip === undefined ? [] : [formatIp(ip)];
    });
  return {
    ...request,
    nodeIps: addresses(request.nodeIps),
    peers: request.peers.map((peer) => ({ ...peer, nodeIps: addresses(peer.nodeIps) })),
  };
}

async function readHost({ peers }: RouteRequest, exec: Exec, signal: AbortSignal): Promise<HostFacts> {
  const input = toInput(hostCommands([...new Set(peers.flatMap(({ nodeIps }) => nodeIps))]));
  const args = ['-details', '-N', '-json', '-force', '-batch', '-'];
  try {
    return parseHost((await exec({ file: 'ip', args, input }, signal)).stdout);
  } catch (error) {
    // An address that there is no route to fails the program as a whole; what it has printed is true.
    const isAnswer = error instanceof ExecFailure && error.stdout.trim() !== '' && !error.timedOut;
    if (isAnswer) return parseHost(error.stdout);
    throw failure(error, `cannot read the routes of protocol ${routeProtocol}`);
  }
}

async function readTunnel({ links }: HostFacts, exec: Exec, signal: AbortSignal): Promise<Tunnel | undefined> {
  if (!links.some(({ name }) => name === tunnelDevice)) return undefined;
  try {
    const neighbours = [];
    for (const family of ['-4', '-6']) {
      const args = ['-json', family, 'neigh', 'show', 'dev', tunnelDevice, 'nud', 'permanent'];
      neighbours.push((await exec({ file: 'ip', args }, signal)).stdout);
    }
    const fdb = await exec({ file: 'bridge', args: ['-json', 'fdb', 'show', 'dev', tunnelDevice] }, signal);
    return parseTunnel(links, neighbours, fdb.stdout);
  } catch (error) {
    throw failure(error, `cannot read what ${tunnelDevice} knows`);
  }
}

/** With `-force` what cannot be changed for one node does not keep the others. */
async function apply(exec: Exec, signal: AbortSignal, file: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  try {
    await exec({ file, args: ['-force', '-batch', '-'], input: toInput(lines) }, signal);
  } catch (error) {
    throw failure(error, 'cannot change the routes to pods of other nodes');
  }
}

const toInput = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

function failure(error: unknown, what: string): unknown {
  if (!(error instanceof ExecFailure)) return error;
  const message = error.notFound ? `${error.file} is not installed: apt-get install iproute2` : error.message;
  return new CniError(cniErrorCode.internal, `${what}: ${message}`, { details: error.stderr, cause: error });
}
