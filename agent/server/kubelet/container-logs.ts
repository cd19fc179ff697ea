import { Writable } from 'node:stream';
import { messageOf } from '../../../cni/index.ts';
import type { LogStreams } from '../../runtime/types.ts';
import { AnswerError } from '../local/answer.ts';
import { type LogPlan, planLog } from '../local/log-plan.ts';
import { type Exchange, TextError } from './exchange.ts';
import { type KubeletLogOptions, readLogOptions } from './log-options-plan.ts';
import { hasContainer, podOf } from './pod-lookup.ts';
import type { KubeletServerDeps } from './types.ts';

/** `GET /containerLogs/{namespace}/{pod}/{container}`, which `kubectl logs` becomes. */
export async function serveContainerLogs(deps: KubeletServerDeps, exchange: Exchange): Promise<void> {
  const { parameters, query, response } = exchange;
  const { container = '', pod: name = '' } = parameters;
  const options = readLogOptions(query, container);
  const plan = planOf(deps, exchange, options, container, name);
  const enough = new AbortController();
  const signal = AbortSignal.any([exchange.signal, enough.signal]);
  response.setHeader('content-type', 'text/plain');
  const streams = streamsTo(new LimitedSink(response, options.limitBytes, () => enough.abort()), options.stream);
  try {
    await deps.runtime.containerLogs(plan.containerId, plan.options, streams, signal);
  } catch (error) {
    if (!enough.signal.aborted) throw response.headersSent ? error : new TextError(400, messageOf(error));
  }
  response.end();
}

function planOf(
  { pods, now }: KubeletServerDeps,
  exchange: Exchange,
  { query }: KubeletLogOptions,
  container: string,
  name: string,
): LogPlan {
  const known = pods();
  const { namespace } = exchange.parameters;
  if (!known.some(({ metadata }) => metadata.namespace === namespace && metadata.name === name)) {
    throw new TextError(404, `pod ${JSON.stringify(name)} does not exist`);
  }
  const pod = podOf(known, exchange);
  if (!hasContainer(pod, container)) {
    throw new TextError(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`);
  }
  try {
    return planLog(pod, query, now());
  } catch (error) {
    if (error instanceof AnswerError) throw new TextError(400, error.message);
    throw error;
  }
}

function streamsTo(sink: Writable, stream: KubeletLogOptions['stream']): LogStreams {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return { stdout: stream === 'Stderr' ? nowhere : sink, stderr: stream === 'Stdout' ? nowhere : sink };
}

/** Passes on so many bytes, no faster than they are taken, and tells when that was all. Its end ends nothing. */
class LimitedSink extends Writable {
  readonly #target: NodeJS.WritableStream;
  readonly #onFull: () => void;
  #left: number;

  constructor(target: NodeJS.WritableStream, limit: number | undefined, onFull: () => void) {
    super();
    this.#target = target;
    this.#left = limit ?? Infinity;
    this.#onFull = onFull;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const passed = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk;
    this.#left -= passed.length;
    this.#target.write(passed, (error) => {
      done(error);
      if (this.#left === 0) this.#onFull();
    });
  }
}
