import { setTimeout as delay } from 'node:timers/promises';
import { isDone, type Steps } from './api-plan.ts';
import type { CommandOptions, CommandResult } from '../lab/run-in.ts';

type Kubectl = (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

/** Writes what is left to write, as often as it takes: the server may be away. */
export interface Writer {
  /** @returns after one try; others follow in the background until nothing is left */
  readonly write: () => Promise<void>;
  /** Ends the tries; resolves after the last one. */
  readonly close: () => Promise<void>;
}

/** A request to a server that is away must not hold up the next one for long. */
const timeouts: CommandOptions = { timeoutMs: 20_000 };
const timeoutArgs = ['--request-timeout=10s'];
const retryMs = 500;

/** @param next asked before each try */
export function createWriter(kubectl: Kubectl, next: () => Promise<Steps>): Writer {
  let tail: Promise<void> = Promise.resolve();
  let closed = false;
  let retrying = false;
  const write = async (): Promise<void> => {
    tail = tail.then(attempt);
    await tail;
  };
  const attempt = async (): Promise<void> => {
    const isWritten = closed || (await tryOnce(kubectl, next).catch(() => false));
    if (isWritten || retrying) return;
    retrying = true;
    void delay(retryMs).then(() => {
      retrying = false;
      return write();
    });
  };
  const close = async (): Promise<void> => {
    closed = true;
    await tail;
  };
  return { write, close };
}

async function tryOnce(kubectl: Kubectl, next: () => Promise<Steps>): Promise<boolean> {
  const steps = await next();
  const { remove, write } = steps;
  if (remove.length > 0) {
    await kubectl(['delete', ...remove, '--wait=false', '--ignore-not-found', ...timeoutArgs], timeouts);
  }
  if (write.length > 0) {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: write });
    await kubectl(['apply', '-f', '-', ...timeoutArgs], { ...timeouts, input });
  }
  return isDone(steps);
}
