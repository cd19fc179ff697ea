import type { Trace, TracedEndpoint } from './types.ts';

/** One thing that may become of a packet. */
export interface Outcome {
  /** 0 to 1; those of all outcomes make 1. */
  readonly probability: number;
  readonly verdict: 'accept' | 'reject' | 'drop';
  /** Where it goes: as it was sent, or translated. */
  readonly ip: string;
  readonly port: number;
  readonly isTranslated: boolean;
  readonly isMasqueraded: boolean;
  readonly steps: readonly string[];
}

/** All that may become of a packet, taken together. */
export function summarise(outcomes: readonly Outcome[]): Trace {
  const sent = outcomes.filter(({ isTranslated, verdict }) => isTranslated && verdict === 'accept');
  const refused = outcomes.find(({ verdict }) => verdict !== 'accept');
  return {
    verdict: sent.length > 0 ? 'dnat' : (refused?.verdict ?? 'accept'),
    endpoints: endpointsOf(sent),
    steps: [...new Set(outcomes.flatMap(({ steps }) => steps))],
  };
}

/** Rules may lead to an endpoint in more than one way. */
function endpointsOf(outcomes: readonly Outcome[]): readonly TracedEndpoint[] {
  const endpoints = new Map<string, TracedEndpoint>();
  for (const { ip, port, probability, isMasqueraded: masquerade } of outcomes) {
    const key = `${ip} ${port} ${masquerade}`;
    endpoints.set(key, { ip, port, probability: (endpoints.get(key)?.probability ?? 0) + probability, masquerade });
  }
  return [...endpoints.values()];
}
