import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLogSweep, type LogSweep } from '../../../agent/node/log-sweep.ts';
import type { RuntimePodSummary } from '../../../agent/runtime/types.ts';

const uid = (letter: string): string => letter.repeat(32);
const id = (letter: string): string => letter.repeat(64);
const later = Date.now() + 3_600_000;

let directory: string;
let podLogsDir: string;
let containerLogsDir: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-sweep-'));
  podLogsDir = join(directory, 'pods');
  containerLogsDir = join(directory, 'containers');
  for (const name of [
    `default_wanted_${uid('a')}`,
    `default_running_${uid('b')}`,
    `default_gone_${uid('c')}`,
    'audit',
    `x_${uid('c')}`,
  ]) {
    mkdirSync(join(podLogsDir, name, 'app'), { recursive: true });
  }
  mkdirSync(containerLogsDir);
  writeFileSync(join(directory, 'log'), '');
  for (const letter of ['b', 'c']) symlinkSync('/nowhere', join(containerLogsDir, `p_default_app-${id(letter)}.log`));
  symlinkSync(join(directory, 'log'), join(containerLogsDir, `p_default_app-${id('d')}.log`));
  symlinkSync('/nowhere', join(containerLogsDir, 'current.log'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const running: RuntimePodSummary = {
  pod: { name: 'running', namespace: 'default', uid: uid('b') },
  sandboxes: [],
  containers: [{ id: id('b'), name: 'app', running: false }],
  fingerprint: '',
};

function sweep(overrides: Partial<Parameters<typeof createLogSweep>[0]> = {}): ReturnType<LogSweep> {
  const log = { info: () => undefined };
  const known = () => [uid('a')];
  const run = createLogSweep({ podLogsDir, containerLogsDir, knownPods: known, now: () => later, log, ...overrides });
  return run([running], new AbortController().signal);
}

const left = (): readonly string[] => [...readdirSync(podLogsDir), ...readdirSync(containerLogsDir)].sort();

it('removes what is of pods and containers that are gone, and nothing else', async () => {
  const before = left();
  await sweep();
  const gone = [`default_gone_${uid('c')}`, `p_default_app-${id('c')}.log`];
  expect(left()).toEqual(before.filter((name) => !gone.includes(name)));
  await sweep(); // again
});

it.each([
  ['what is young', { now: () => Date.now() }],
  ['anything while it is not known what pods there are', { knownPods: () => undefined }],
])('does not remove %s', async (_, overrides) => {
  const before = left();
  await sweep(overrides);
  expect(left()).toEqual(before);
});

it('needs no directories', async () => {
  await sweep({ podLogsDir: join(directory, 'none'), containerLogsDir: join(directory, 'none') });
  expect(left().length).toBe(9);
});
