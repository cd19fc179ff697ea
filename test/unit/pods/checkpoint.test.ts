import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PodStatus } from '../../../agent/objects/types.ts';
import { createStatusCheckpoints } from '../../../agent/pods/checkpoint.ts';
import { deadlineOf } from '../../../agent/pods/deadline.ts';
import { restore } from '../../../agent/pods/publish.ts';
import type { PodDeps } from '../../../agent/pods/deps.ts';
import { createPodRecord } from '../../../agent/pods/pod-record.ts';
import { instance, observed, pod, sandbox, t0 } from './fixtures.ts';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'pw-checkpoints-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

const failed: PodStatus = { phase: 'Failed', reason: 'Evicted', message: 'low on memory' };
const allocation = { containers: { app: { requests: { cpu: '1' } } } };
const kept = { status: failed, allocation };

describe('checkpoints of statuses', () => {
  test('are read back by another daemon, and removed twice', async () => {
    const first = createStatusCheckpoints(directory);
    await first.save('u1', kept);
    const second = createStatusCheckpoints(directory);
    expect(await second.load('u1')).toEqual(kept);
    await second.remove('u1');
    await second.remove('u1');
    expect(await second.load('u1')).toBeUndefined();
  });

  test.each(['', '{"phase":"Fai', 'null', '[]', '3', '{"reason":"Evicted"}'])('%j is as good as none', async (text) => {
    await writeFile(join(directory, 'u1.json'), text);
    expect(await createStatusCheckpoints(directory).load('u1')).toBeUndefined();
  });

  test('one of a daemon that knew of no allocations is read', async () => {
    await writeFile(join(directory, 'u1.json'), JSON.stringify(failed));
    expect(await createStatusCheckpoints(directory).load('u1')).toEqual({ status: failed, allocation: undefined });
  });

  test('a status that did not change is not written again', async () => {
    const checkpoints = createStatusCheckpoints(directory);
    await checkpoints.save('u1', kept);
    await writeFile(join(directory, 'u1.json'), 'touched');
    await checkpoints.save('u1', { ...kept });
    expect(await readFile(join(directory, 'u1.json'), 'utf8')).toBe('touched');
  });

  test('a sweep removes those of unknown pods and nothing else; one that comes back is written again', async () => {
    const checkpoints = createStatusCheckpoints(directory);
    await checkpoints.save('u1', kept);
    await checkpoints.save('u2', kept);
    await mkdir(join(directory, 'other'));
    await checkpoints.sweep(new Set(['u1']));
    expect((await readdir(directory)).sort()).toEqual(['other', 'u1.json']);
    await checkpoints.save('u2', kept);
    expect(await checkpoints.load('u2')).toEqual(kept);
    await createStatusCheckpoints(join(directory, 'missing')).sweep(new Set());
  });
});

describe('restore', () => {
  const recordOf = () => createPodRecord({ name: 'web-node', namespace: 'default', uid: 'u1' }, pod());

  const { signal } = new AbortController();

  /** A node that refuses everything, and counts how often it is asked. */
  function refusing(reason = 'OutOfcpu') {
    const asked: string[] = [];
    const deps = {
      checkpoints: createStatusCheckpoints(directory),
      admit: () => {
        asked.push('admit');
        return { reason, message: 'no cpu' };
      },
      events: { event: (_: unknown, ...rest: readonly string[]) => asked.push(rest.join(' ')) },
    } as unknown as PodDeps;
    return { deps, asked };
  }

  test('a pod that is new is asked for once, and fails when the node cannot take it', async () => {
    const { deps, asked } = refusing();
    const record = recordOf();
    await restore(deps, record, pod(), observed(), signal);
    await restore(deps, record, pod(), observed(), signal);
    expect(asked).toEqual(['admit', 'Warning OutOfcpu no cpu']);
    expect(record.failure).toEqual({ reason: 'OutOfcpu', message: 'Pod was rejected: no cpu' });
  });

  test('labels of the node that do not fit are read anew before a pod fails for them', async () => {
    const { deps, asked } = refusing('NodeAffinity');
    let isLabelled = false;
    const readNode = (): Promise<void> => {
      isLabelled = asked.push('read') > 0;
      return Promise.resolve();
    };
    const record = recordOf();
    const admit: PodDeps['admit'] = (each) => (isLabelled ? undefined : deps.admit(each));
    await restore({ ...deps, readNode, admit }, record, pod(), observed(), signal);
    expect([asked, record.failure, record.isRestored]).toEqual([['admit', 'read'], undefined, true]);
    const another = recordOf();
    await restore({ ...deps, readNode }, another, pod(), observed(), signal);
    expect(another.failure).toEqual({ reason: 'NodeAffinity', message: 'Pod was rejected: no cpu' });
  });

  test('one that runs is not asked for', async () => {
    const { deps, asked } = refusing();
    const record = recordOf();
    await restore(deps, record, pod(), observed([sandbox()], [instance('app')]), signal);
    expect([asked, record.failure]).toEqual([[], undefined]);
  });

  test('one that was resized while no daemon ran has what it was granted before', async () => {
    const { deps } = refusing();
    await deps.checkpoints.save('u1', { status: { phase: 'Running' }, allocation });
    const record = recordOf();
    await restore(deps, record, pod(), observed([sandbox()], [instance('app')]), signal);
    expect(record.pod?.spec.containers[0]?.resources).toEqual({ requests: { cpu: '1' } });
    expect(record.desired).toEqual(pod());
  });

  test('one that failed before stays failed, and is not asked for', async () => {
    const { deps, asked } = refusing();
    await deps.checkpoints.save('u1', kept);
    const record = recordOf();
    await restore(deps, record, pod(), observed(), signal);
    expect([asked, record.failure, record.status]).toEqual([
      [],
      { reason: 'Evicted', message: 'low on memory' },
      failed,
    ]);
  });
});

test('a deadline counts from the start, and not for a pod that has ended', () => {
  const startTime = new Date(t0).toISOString();
  const limited = pod({ activeDeadlineSeconds: 30 });
  expect(deadlineOf(limited, { phase: 'Running', startTime })).toBe(t0 + 30_000);
  expect(deadlineOf(limited, { phase: 'Succeeded', startTime })).toBeUndefined();
  expect(deadlineOf(limited, undefined)).toBeUndefined();
  expect(deadlineOf(pod(), { phase: 'Running', startTime })).toBeUndefined();
});
