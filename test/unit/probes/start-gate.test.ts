import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createStartGate, type StartGate } from '../../../agent/probes/start-gate.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Task {
  readonly end: () => void;
  readonly result: Promise<string>;
}

/** Runs a task by name that notes its start and ends when it is told to. */
function run(gate: StartGate, started: string[], name: string, signal = new AbortController().signal): Task {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const task = async (): Promise<string> => {
    started.push(name);
    await ended;
    return name;
  };
  return { end, result: gate.run(task, signal) };
}

const settle = async (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

test('tasks wait for a slot in the order of their coming', async () => {
  const [gate, started] = [createStartGate(2, 1_000), [] as string[]];
  const [a, b] = ['a', 'b', 'c', 'd'].map((name) => run(gate, started, name));
  await settle();
  expect(started).toEqual(['a', 'b']);
  b?.end();
  await settle();
  expect(started).toEqual(['a', 'b', 'c']);
  a?.end();
  await settle();
  expect(started).toEqual(['a', 'b', 'c', 'd']);
  expect(await a?.result).toBe('a');
});

test('tasks that hang give their slots back, once', async () => {
  const [gate, started] = [createStartGate(1, 1_000), [] as string[]];
  const [a] = ['a', 'b', 'c'].map((name) => run(gate, started, name));
  await vi.advanceTimersByTimeAsync(999);
  expect(started).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(1);
  expect(started).toEqual(['a', 'b']);
  a?.end();
  await settle();
  expect(started).toEqual(['a', 'b']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(started).toEqual(['a', 'b', 'c']);
});

test('who is aborted while waiting never starts and holds up nobody', async () => {
  const [gate, started] = [createStartGate(1, 60_000), [] as string[]];
  const controller = new AbortController();
  const a = run(gate, started, 'a');
  const b = run(gate, started, 'b', controller.signal);
  run(gate, started, 'c');
  controller.abort(new Error('gone'));
  await expect(b.result).rejects.toThrow('gone');
  a.end();
  await settle();
  expect(started).toEqual(['a', 'c']);
});

test('a task that fails gives its slot back', async () => {
  const [gate, started] = [createStartGate(1, 60_000), [] as string[]];
  const signal = new AbortController().signal;
  await expect(gate.run(async () => Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
  run(gate, started, 'a');
  await settle();
  expect(started).toEqual(['a']);
});
