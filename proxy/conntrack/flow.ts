import type { Protocol } from '../types.ts';

/** A connection that the kernel tracks, as far as its translation decides. */
export interface Flow {
  readonly protocol: Protocol;
  /** What the client sent to. */
  readonly destination: string;
  readonly destinationPort: number;
  /** Who answers: the endpoint, when the destination was translated, else the destination itself. */
  readonly replySource: string;
  readonly replyPort: number;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' };

const address = '([\\da-fA-F.:]+)';
const tuple = `src=${address} dst=${address} sport=(\\d+) dport=(\\d+) `;
const pattern = new RegExp(`^(?:ipv[46] +\\d+ +)?(tcp|udp|sctp) .*?${tuple}(?:.*? )?${tuple}`);

/**
 * Reads what `conntrack -L` prints, with `-o extended` or without:
 *
 *     udp 17 29 src=A dst=SERVICE sport=1 dport=53 [UNREPLIED] src=ENDPOINT dst=A sport=5353 dport=1 mark=0 use=1
 *
 * Lines of other protocols and lines that are none of it are passed over; so are flows of a conntrack zone, which are none of
 * the host's own.
 */
export function parseFlows(text: string): readonly Flow[] {
  return text.split('\n').flatMap((line) => parseFlow(line) ?? []);
}

function parseFlow(line: string): Flow | undefined {
  const found = pattern.exec(line);
  if (found === null || / zone(?:-orig|-reply)?=/.test(line)) return undefined;
  const [, name = '', , destination = '', , destinationPort, replySource = '', , replyPort] = found;
  const protocol = PROTOCOLS[name];
  if (protocol === undefined) return undefined;
  return { protocol, destination, destinationPort: Number(destinationPort), replySource, replyPort: Number(replyPort) };
}
