import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * The containers of the probe benchmark, in a process of their own: HTTP servers that note when they are asked. Sends its
 * ports first; then, on any message, what was noted, and ends.
 */

export interface ServerReport {
  /** Arrivals by server, milliseconds since the epoch. */
  readonly arrivals: readonly (readonly number[])[];
}

const count = Number(process.argv[2]);
const arrivals: number[][] = Array.from({ length: count }, () => []);

const ports = await Promise.all(arrivals.map(serve));
process.send?.(ports);
process.once('message', () => {
  const report: ServerReport = { arrivals };
  process.send?.(report, undefined, {}, () => process.exit(0));
});

async function serve(times: number[]): Promise<number> {
  const server = createServer((_, response) => {
    times.push(performance.timeOrigin + performance.now());
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
