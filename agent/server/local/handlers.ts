import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../../cni/index.ts';
import type { NodeActions } from './actions.ts';
import { type Action, planAction } from './action-plan.ts';
import { type Answer, failure, ok } from './answer.ts';
import { execProtocol } from './exec-frames.ts';
import { serveExec } from './exec-stream.ts';
import { streamLog } from './log-stream.ts';
import { answer } from './routes.ts';
import { send, sendRaw } from './send.ts';
import type { DaemonState } from './state.ts';
import { isAnswer, parseTarget } from './target.ts';
import { streamEvents } from './watch-stream.ts';

export interface HandlerParts {
  readonly state: DaemonState;
  readonly actions: NodeActions;
}

export interface Handlers {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Ends all streams and waits for their end. */
  readonly stop: () => Promise<void>;
}

/** What the local API does with requests. A defect in what makes an answer must not take the daemon down: it is a 500. */
export function createHandlers(parts: HandlerParts): Handlers {
  const stopping = new AbortController();
  const streams = new Set<Promise<void>>();
  const keep = (stream: Promise<void>, onFailure: (error: unknown) => void): void => {
    const kept = stream.catch(onFailure).finally(() => streams.delete(kept));
    streams.add(kept);
  };
  return {
    request: (request, response) => {
      response.on('error', () => undefined); // Who writes is told by the write.
      const failed = (error: unknown): void => {
        if (response.headersSent) response.destroy();
        else send(response, defect(error));
      };
      keep(respond(parts, request, response, stopping.signal), failed);
    },
    upgrade: (request, socket, head) => {
      socket.on('error', () => undefined);
      if (head.length > 0) socket.unshift(head);
      keep(upgrade(parts, request, socket, stopping.signal), (error) => sendRaw(socket, defect(error)));
    },
    stop: async () => {
      stopping.abort(new Error('the daemon stops'));
      await Promise.all(streams);
    },
  };
}

const defect = (error: unknown): Answer => failure(500, 'InternalError', messageOf(error));

function actionOf({ state, actions }: HandlerParts, { method = '', url = '' }: IncomingMessage): Action {
  const target = parseTarget(url);
  const action = isAnswer(target) ? undefined : planAction(state, method, target, actions.now());
  return action ?? { do: 'answer', answer: answer(state, method, url) };
}

async function respond(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> {
  const action = actionOf(parts, request);
  const { runtime, events } = parts.actions;
  if (action.do === 'log') {
    await whileOpen(response, stopping, (signal) => streamLog(runtime, action.plan, response, signal));
  } else if (action.do === 'watch') {
    await whileOpen(response, stopping, (signal) => streamEvents(events, action.filter, response, signal));
  } else if (action.do === 'services-in-kernel') {
    await whileOpen(response, stopping, async (signal) =>
      send(response, ok(await parts.actions.servicesInKernel(signal))),
    );
  } else {
    send(response, answerOf(parts, action));
  }
}

function answerOf({ actions }: HandlerParts, action: Extract<Action, { do: 'answer' | 'exec' | 'rerun' }>): Answer {
  if (action.do === 'answer') return action.answer;
  if (action.do === 'exec') return failure(400, 'BadRequest', 'Upgrade request required');
  const { metadata, status } = action.pod;
  if (actions.rerun(metadata.uid)) return ok({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' });
  const message = `pod "${metadata.name}" is ${status?.phase ?? 'unknown'}: only a pod that has ended (Succeeded or Failed) can be run once more`;
  return failure(409, 'Conflict', message);
}

async function upgrade(
  parts: HandlerParts,
  request: IncomingMessage,
  socket: Duplex,
  stopping: AbortSignal,
): Promise<void> {
  const action = actionOf(parts, request);
  if (action.do === 'answer') return sendRaw(socket, action.answer);
  if (action.do === 'exec' && request.headers.upgrade === execProtocol) {
    return serveExec(parts.actions.runtime, action.plan, socket, stopping);
  }
  sendRaw(socket, failure(400, 'BadRequest', `only exec is upgraded, and only to ${execProtocol}`));
}

/** Runs `run` with a signal that is aborted when the client has gone or the daemon stops. */
async function whileOpen(
  response: ServerResponse,
  stopping: AbortSignal,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error('the client has gone'));
  response.once('close', abort);
  stopping.addEventListener('abort', abort, { once: true });
  try {
    await run(controller.signal);
  } finally {
    response.off('close', abort);
    stopping.removeEventListener('abort', abort);
  }
}
