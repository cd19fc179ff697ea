import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Layers, progressText, pullsForPod, sumOfLayers, withLayer } from '../../../agent/images/progress.ts';
import { createTokenBucket } from '../../../agent/token-bucket.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { layerProgress } from '../../../agent/runtime/docker/pull-progress.ts';

/** Lines that Docker writes, with the sums after each; undefined where nothing has changed. */
const lines: readonly (readonly [object, readonly [number, number] | undefined])[] = [
  [{ status: 'Pulling from team/app', id: '1' }, undefined],
  [{ status: 'Pulling fs layer', progressDetail: {}, id: 'a' }, [0, 0]],
  [{ status: 'Pulling fs layer', progressDetail: {}, id: 'b' }, [0, 0]],
  [{ status: 'Waiting', progressDetail: {}, id: 'b' }, undefined],
  [{ status: 'Downloading', progressDetail: { current: 10, total: 100 }, id: 'a' }, [10, 100]],
  [{ status: 'Downloading', progressDetail: { current: 10, total: 100 }, id: 'a' }, undefined],
  [{ status: 'Downloading', progressDetail: { current: 5 }, id: 'b' }, [15, 105]],
  [{ status: 'Verifying Checksum', progressDetail: {}, id: 'a' }, [105, 105]],
  [{ status: 'Download complete', progressDetail: {}, id: 'a' }, undefined],
  [{ status: 'Extracting', progressDetail: { current: 1, units: 's' }, id: 'a' }, [105, 105]],
  [{ status: 'Extracting', progressDetail: { current: 2, units: 's' }, id: 'a' }, [105, 105]],
  [{ status: 'Pull complete', progressDetail: {}, id: 'a' }, [105, 105]],
  [{ status: 'Already exists', progressDetail: {}, id: 'c' }, [105, 105]],
  [{ status: 'Digest: sha256:00' }, undefined],
  [{ status: 'constructor', id: 'a' }, undefined],
];

it("sums Docker's lines up", () => {
  let layers: Layers = new Map();
  const seen = lines.map(([line]) => {
    const report = layerProgress(line);
    const next = report === undefined ? layers : withLayer(layers, report);
    if (next === layers) return undefined;
    layers = next;
    const { doneBytes, totalBytes } = sumOfLayers(layers);
    return [doneBytes, totalBytes];
  });
  expect(seen).toEqual(lines.map(([, sums]) => sums));
});

it('no line breaks it, and no more is done than there is', () => {
  const detail = fc.record({ current: fc.anything(), total: fc.oneof(fc.nat(), fc.anything()) });
  const status = fc.constantFrom('Waiting', 'Downloading', 'Extracting', 'Pull complete');
  const line = fc.oneof(fc.anything(), fc.record({ id: fc.constantFrom('a', 'b'), status, progressDetail: detail }));
  fc.assert(
    fc.property(fc.array(line), (all) => {
      const reports = all.flatMap((each) => layerProgress(each) ?? []);
      const { doneBytes, totalBytes } = sumOfLayers(reports.reduce<Layers>(withLayer, new Map()));
      expect(doneBytes).toBeLessThanOrEqual(totalBytes);
    }),
  );
});

it.each([
  [0, 0, 'pulling app:1'],
  [12_345_678, 40_000_000, 'pulling app:1: 12 MB of 40 MB'],
  [0, 1_230_000, 'pulling app:1: 0 MB of 1.2 MB'],
])('%s of %s: %s', (doneBytes, totalBytes, text) => {
  expect(progressText({ image: 'app:1', startedAt: 0, doneBytes, totalBytes })).toBe(text);
});

describe('the limit of pulls', () => {
  it.each([
    [5, 2, [0, 0, 0, 200, 200, 399, 400, 10_000, 10_000, 10_000], 'yyn yn ny yyn'],
    [0, 1, [0, 0, 0], 'yyy'],
    [1, 1, [0, -5000, 1000], 'yny'],
  ])('%s a second, burst %s', (perSecond, burst, times, expected) => {
    let now = 0;
    const limit = createTokenBucket(perSecond, burst, () => now);
    const taken = times.map((time) => {
      now = time;
      return limit.tryTake() ? 'y' : 'n';
    });
    expect(taken.join('')).toBe(expected.replaceAll(' ', ''));
  });
});

describe('pullsForPod', () => {
  const pulls = ['app:latest', 'side:1', 'other:1'].map((image) => ({
    image,
    startedAt: 0,
    doneBytes: 1,
    totalBytes: 2,
  }));
  const waiting = (name: string) => ({ name, state: { waiting: { reason: 'ContainerCreating' } } });
  const running = (name: string) => ({ name, state: { running: {} } });

  it.each([
    [[waiting('a')], [waiting('s')], ['app:latest', 'side:1']],
    [[running('a')], [waiting('s')], ['side:1']],
    [[waiting('a')], [], ['app:latest']],
    [[], [], []],
  ])('%j and init %j: %j', (containerStatuses, initContainerStatuses, expected) => {
    const pod = {
      spec: {
        containers: [
          { name: 'a', image: 'app' },
          { name: 'b', image: 'No Name' },
        ],
        initContainers: [{ name: 's', image: 'side:1' }],
      },
      status: { containerStatuses: [...containerStatuses, waiting('b')], initContainerStatuses },
    } as unknown as Pod;
    expect(pullsForPod(pod, pulls).map(({ image }) => image)).toEqual(expected);
  });
});
