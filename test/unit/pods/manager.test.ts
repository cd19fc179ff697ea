import { describe, expect, test } from 'vitest';
import type { PodDeps } from '../../../agent/pods/deps.ts';
import { createPodManager } from '../../../agent/pods/manager.ts';
import type { PodManager } from '../../../agent/pods/manager-types.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { createObjectStore } from '../../../agent/sources/store.ts';
import { pod } from './fixtures.ts';

const source = 'api';
const web = pod();
const deleted: Pod = {
  ...web,
  metadata: { ...web.metadata, deletionTimestamp: '2026-01-02T03:04:05Z', deletionGracePeriodSeconds: 1 },
};

/** A manager whose runtime has not answered yet, and what its source wants. */
function beforeTheStart(): { readonly manager: PodManager; readonly want: (...pods: readonly Pod[]) => void } {
  const store = createObjectStore([source]);
  const runtime = { podStatus: () => new Promise(() => undefined) };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };
  const manager = createPodManager({
    ...{ deps: { runtime, log } as unknown as PodDeps, store },
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
