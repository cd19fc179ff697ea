import { describe, expect, test } from 'vitest';
import type { PodDeps } from '../../../agent/pods/deps.ts';
import { createPodManager } from '../../../agent/pods/manager.ts';
import type { PodManager } from '../../../agent/pods/manager-types.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { createObjectStore } from '../../../agent/sources/store.ts';
import { allocationOf } from '../../../agent/pods/allocation.ts';
import { container, pod } from './fixtures.ts';

const source = 'api';
const web = pod();
const deleted: Pod = {
  ...web,
  metadata: { ...web.metadata, deletionTimestamp: '2026-01-02T03:04:05Z', deletionGracePeriodSeconds: 1 },
};

/** A manager whose runtime has not answered yet, and what its source wants. */
function beforeTheStart(more: Partial<PodDeps> = {}): {
  readonly manager: PodManager;
  readonly want: (...pods: readonly Pod[]) => void;
} {
  const store = createObjectStore([source]);
  const runtime = { podStatus: () => new Promise(() => undefined) };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
  const manager = createPodManager({
    ...{ deps: { runtime, log, ...more } as unknown as PodDeps, store },
    onFirstReconcile: () => undefined,
    onEnded: () => undefined,
  });
  const want = (...pods: readonly Pod[]): void =>
    store.set({ source, pods: pods.map((one) => ({ pod: one, source, origin: source })), objects: [], problems: [] });
  return { manager, want };
}

describe('what changes before the runtime was listed counts', () => {
  test.each<readonly [string, readonly Pod[], readonly boolean[]]>([
    ['a pod that is deleted ends', [deleted], [true]],
    ['a pod that goes is not run', [], []],
    ['a pod that stays is run', [web], [false]],
  ])('%s', (_name, next, terminating) => {
    const { manager, want } = beforeTheStart();
    want(web);
    want(...next);
    manager.relisted([]);
    expect(manager.pods().map((view) => view.terminating)).toEqual(terminating);
  });
});

test('a pod that is new is judged beside what an earlier daemon granted others, and not beside those that are over', async () => {
  const named = (uid: string, cpu: string): Pod => {
    const made = pod({ containers: [container('app', { resources: { requests: { cpu } } })] });
    return { ...made, metadata: { ...made.metadata, name: uid, uid } };
  };
  const checkpoints: Readonly<Record<string, object>> = {
    resized: { status: { phase: 'Running' }, allocation: allocationOf(named('resized', '1')) },
    over: { status: { phase: 'Succeeded' }, allocation: allocationOf(named('over', '1')) },
  };
  let begun: (admitted: readonly Pod[]) => void;
  const seen = new Promise<readonly Pod[]>((resolve) => (begun = resolve));
  const { manager, want } = beforeTheStart({
    runtime: {
      podStatus: (uid: string) => {
        if (uid === 'fresh') begun(manager.admitted());
        return new Promise(() => undefined);
      },
    } as never,
    checkpoints: { load: (uid: string) => Promise.resolve(checkpoints[uid]) } as never,
  });
  want(named('fresh', '1'), named('resized', '3'), named('over', '1'));
  const listed = ['resized', 'over'].map((uid) => ({ pod: { name: uid, namespace: 'default', uid }, fingerprint: '' }));
  manager.relisted(listed as never);
  expect(await seen).toEqual([named('resized', '1')]);
});
