import type { ServerResponse } from 'node:http';
import { messageOf } from '../../../cni/index.ts';
import type { NodeActions } from './actions.ts';
import { failure } from './answer.ts';
import type { LogPlan } from './log-plan.ts';
import { send } from './send.ts';

/**
 * Answers with a log, as text, no faster than the client reads. A log that cannot be read is an answer of its own; one that
 * breaks off breaks the connection off, so that the client does not take it for whole.
 *
 * @param signal aborted when the client has gone
 */
export async function streamLog(
  runtime: NodeActions['runtime'],
  { containerId, options }: LogPlan,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.setHeader('content-type', 'text/plain');
  try {
    await runtime.containerLogs(containerId, options, { stdout: response, stderr: response }, signal);
    response.end();
  } catch (error) {
    const message = messageOf(error);
    if (signal.aborted || response.headersSent) response.destroy();
    else send(response, failure(500, 'InternalError', message));
  }
}
