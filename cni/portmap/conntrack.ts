import { type Exec, ExecFailure } from '../util/exec.ts';
import type { HostPort } from './plan.ts';

/**
 * Drops the kernel's memory of UDP flows to host ports: an established flow keeps its old translation, so that packets of
 * a client that goes on sending would be lost in a pod that is gone (kubernetes#66651).
 */
export type ForgetUdpFlows = (ports: readonly HostPort[], signal: AbortSignal) => Promise<void>;

const lost = 'clients of UDP host ports that go on sending may be lost';

/** One `conntrack` process a port and address family; a host without the program is told once. */
export function createUdpFlowCleaner(exec: Exec, onWarning: (message: string, fields: object) => void): ForgetUdpFlows {
  let isMissingTold = false;

  const warn = (err: unknown, port: string): void => {
    const isMissing = err instanceof ExecFailure && err.notFound;
    if (isMissing && isMissingTold) return;
    isMissingTold ||= isMissing;
    onWarning(isMissing ? `${lost}: apt-get install conntrack` : `cannot drop UDP flows: ${lost}`, { port, err });
  };

  return async (ports, signal) => {
    for (const [port, args] of deletions(ports)) {
      try {
        await exec({ file: 'conntrack', args }, signal);
      } catch (error) {
        signal.throwIfAborted();
        // Exit code 1 with "0 flow entries have been deleted" says that there was none.
        if (error instanceof ExecFailure && error.stderr.includes('0 flow entries')) continue;
        warn(error, port);
      }
    }
  };
}

/** Arguments by port: one on several host addresses is one. */
function deletions(ports: readonly HostPort[]): ReadonlyMap<string, readonly string[]> {
  const udp = ports.filter(({ protocol }) => protocol === 'udp');
  return new Map(
    udp.map(({ family, hostPort }) => {
      const name = family === 4 ? 'ipv4' : 'ipv6';
      return [`${name} ${hostPort}`, ['-D', '-f', name, '-p', 'udp', '--orig-port-dst', String(hostPort)]];
    }),
  );
}
