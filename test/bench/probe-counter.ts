import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * A process in the network namespace of a node that takes the probes of its pods. Over IPC it tells its port; then, each time it is
 * told a number, it forgets what was asked, and tells when the last of so many paths was asked for.
 */

/** Milliseconds since the epoch. */
export type AllAsked = number;

const asked = new Set<string>();
let wanted = Number.POSITIVE_INFINITY;

const server = createServer(({ url = '' }, response) => {
  response.end();
  asked.add(url);
  if (asked.size < wanted) return;
  wanted = Number.POSITIVE_INFINITY;
  process.send?.(Date.now() satisfies AllAsked);
});
server.listen(0, () => process.send?.((server.address() as AddressInfo).port));
process.on('message', (count: number) => {
  asked.clear();
  wanted = count;
});
process.on('disconnect', () => process.exit());
