import type { Flow } from './flow.ts';

/**
 * Arguments of `conntrack` that delete flows, one list for all flows with the same destination and endpoint: what matches is
 * as stale as those that were seen, however many clients there are.
 */
export function renderDeletions(flows: readonly Flow[]): readonly (readonly string[])[] {
  const deletions = flows.map(({ protocol, destination, destinationPort, replySource, replyPort }) => [
    ...['-D', '-p', protocol.toLowerCase()],
    ...['--orig-dst', destination, '--orig-port-dst', String(destinationPort)],
    ...['--reply-src', replySource, '--reply-port-src', String(replyPort)],
  ]);
  return [...new Map(deletions.map((args) => [args.join(' '), args])).values()];
}
