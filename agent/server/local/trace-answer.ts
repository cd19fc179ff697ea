import type { Protocol } from '../../../proxy/index.ts';
import { type TraceQuestion, TraceQuestionError } from '../../services/trace-plan.ts';
import { type Answer, failure, ok } from './answer.ts';
import type { DaemonState } from './state.ts';

const protocols: Readonly<Record<string, Protocol>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' };

/** Answers `GET /podwright/v1/trace?source=S&destination=D&port=P&protocol=tcp`. */
export function answerTrace(state: DaemonState, query: URLSearchParams): Answer {
  try {
    return ok(state.trace(questionOf(query)));
  } catch (error) {
    if (error instanceof TraceQuestionError) return failure(400, 'BadRequest', error.message);
    throw error;
  }
}

function questionOf(query: URLSearchParams): TraceQuestion {
  const get = (name: string): string => {
    const value = query.get(name) ?? '';
    if (value === '') throw new TraceQuestionError(`the parameter "${name}" is missing`);
    return value;
  };
  const asked = query.get('protocol') ?? 'tcp';
  const protocol = protocols[asked.toLowerCase()];
  if (protocol === undefined) throw new TraceQuestionError(`"${asked}" is no protocol: tcp, udp and sctp are`);
  return { source: get('source'), destination: get('destination'), port: get('port'), protocol };
}
