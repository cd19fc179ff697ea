import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../agent/clock.ts';
import { createEventRecorder } from '../../../agent/events/recorder.ts';
import { keepEvents, readEvents } from '../../../agent/events/snapshot.ts';
import type { EventStore } from '../../../agent/events/types.ts';

const web = { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1' };
const log = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const unexpected = (error: unknown): never => {
  throw error;
};

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-events-'));
  path = join(directory, 'sub', 'events.json');
});

afterEach(async () => rm(directory, { recursive: true }));

const recorder = (): EventStore => createEventRecorder({ clock: { now: () => 1_000 }, log, nodeName: 'node-1' });

/** A clock whose sleeps end by their signal only. */
const clock: Clock = {
  now: () => 1_000,
  sleep: (_ms, signal) =>
    new Promise((_resolve, reject) => {
      if (signal?.aborted === true) return reject(new Error('aborted'));
      signal?.addEventListener('abort', () => reject(new Error('aborted')));
    }),
};

describe('events on disk', () => {
  it('are written some time after one happened, for root only, and are read again', async () => {
    const events = recorder();
    const controller = new AbortController();
    const keeping = keepEvents({ path, events, clock, onError: unexpected }, controller.signal);
    events.event(web, 'Normal', 'Started', 'a');
    events.event(web, 'Normal', 'Started', 'b');
    controller.abort();
    await keeping;
    expect(await readEvents(path)).toEqual(events.list());
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('are not written when none happened since', async () => {
    const events = recorder();
    const controller = new AbortController();
    const keeping = keepEvents({ path, events, clock, onError: unexpected }, controller.signal);
    await Promise.resolve();
    controller.abort();
    await keeping;
    events.event(web, 'Normal', 'Started', 'after the end');
    expect(await readEvents(path)).toEqual([]);
  });

  it.each([
    ['missing', undefined],
    ['cut', '[{"apiVersion"'],
    ['another thing', '{"a":1}'],
    ['of other things', '[null,1,{"metadata":{"uid":"x"}}]'],
  ])('are none when the file is %s', async (_, text) => {
    const file = join(directory, 'events.json');
    if (text !== undefined) await writeFile(file, text);
    expect(await readEvents(file)).toEqual([]);
  });

  it('tell when they cannot be written', async () => {
    await writeFile(join(directory, 'sub'), 'a file where a directory should be');
    const events = recorder();
    const controller = new AbortController();
    const errors: unknown[] = [];
    const keeping = keepEvents({ path, events, clock, onError: (error) => errors.push(error) }, controller.signal);
    events.event(web, 'Normal', 'Started', 'a');
    controller.abort();
    await keeping;
    expect(errors).toHaveLength(1);
    expect(await readFile(join(directory, 'sub'), 'utf8')).toContain('a file');
  });
});
