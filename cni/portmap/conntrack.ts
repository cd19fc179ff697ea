import { type Exec, ExecFailure } from '../util/exec.ts';
import type { HostPort } from './plan.ts';

/**
 * Drops the kernel's memory of UDP flows to host ports: an established flow keeps its old translation, so that packets of
 * a client that goes on sending would be lost in a pod that is gone (kubernetes#66651).
 */
export async function forgetUdpFlows(
  exec: Exec,
  ports: readonly HostPort[],
  onWarning: (message: string, fields: object) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const { family, hostPort } of ports.filter(({ protocol }) => protocol === 'udp')) {
    const args = ['-D', '-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'udp', '--orig-port-dst', String(hostPort)];
    try {
      await exec({ file: 'conntrack', args }, signal);
    } catch (error) {
      signal.throwIfAborted();
      // Exit code 1 with "0 flow entries have been deleted" says that there was none.
      if (error instanceof ExecFailure && error.stderr.includes('0 flow entries')) continue;
      onWarning('cannot drop UDP flows of a host port: clients that go on sending may be lost', {
        hostPort,
        err: error,
      });
    }
  }
}
