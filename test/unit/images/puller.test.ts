import { beforeEach, describe, expect, it } from 'vitest';
import { ImageError } from '../../../agent/images/errors.ts';
import { createTokenBucket, type TokenBucket } from '../../../agent/token-bucket.ts';
import { createImagePuller, type ImagePuller, type ImageRequest } from '../../../agent/images/puller.ts';
import { type ImageAuth, type LayerProgress, RuntimeUnavailableError } from '../../../agent/runtime/types.ts';
import { deferred, FakeClock, FakeEvents, FakeImages, never, type PullReport, settled } from './fakes.ts';

let runtime: FakeImages;
let events: FakeEvents;
let clock: FakeClock;
let nodeAuths: readonly ImageAuth[];
let logged: object[];

beforeEach(() => {
  runtime = new FakeImages();
  events = new FakeEvents();
  clock = new FakeClock();
  nodeAuths = [];
  logged = [];
});

function puller(maxParallelPulls?: number, limit: TokenBucket = { tryTake: () => true }): ImagePuller {
  const log = { info: (fields: object): void => void logged.push(fields) };
  const credentials = () => Promise.resolve(nodeAuths);
  return createImagePuller({ runtime, events, clock, log, maxParallelPulls, limit, credentials });
}

/** Pull secrets with an entry for any image of Docker Hub. */
function secretsOf(username: string): Pick<ImageRequest, 'pullSecrets'> {
  const keyring = [{ pattern: { host: 'docker.io', port: '', path: '' }, auth: { username, password: 'x' } }];
  return { pullSecrets: () => ({ keyring, missing: [] }) };
}

function request(overrides: Partial<ImageRequest> & { uid?: string } = {}): ImageRequest {
  const { uid = 'u1', ...rest } = overrides;
  const pod = { name: 'web', namespace: 'default', uid };
  return { pod, container: 'app', image: 'app:1', policy: 'IfNotPresent', ...rest };
}

/** The outcome as a value: the image's ID, or reason and message. */
async function outcome(ensured: Promise<{ readonly id: string }>): Promise<string> {
  try {
    return (await ensured).id;
  } catch (error) {
    if (error instanceof ImageError) return `${error.reason}: ${error.message}`;
    throw error;
  }
}

describe('one container', () => {
  it('uses an image that is there', async () => {
    const status = runtime.add('app:1');
    expect(await puller().ensureImage(request(), never)).toBe(status);
    expect(runtime.calls).toEqual([]);
    expect(events.all).toEqual(['Normal Pulled: Container image "app:1" already present on machine']);
  });

  it('pulls an image that is not there', async () => {
    runtime.onPull = () => {
      clock.jump(1200);
      return Promise.resolve();
    };
    expect(await outcome(puller().ensureImage(request({ image: 'app' }), never))).toBe('sha256:app:latest');
    expect(runtime.calls).toEqual(['pull app:latest']);
    expect(events.all).toEqual([
      'Normal Pulling: Pulling image "app"',
      'Normal Pulled: Successfully pulled image "app" in 1.2s (1.2s including waiting). Image size: 1234 bytes.',
    ]);
  });

  it('with policy Always pulls at each start', async () => {
    runtime.add('app:1');
    const images = puller();
    for (let start = 0; start < 3; start += 1) await images.ensureImage(request({ policy: 'Always' }), never);
    expect(runtime.calls).toEqual(['pull app:1', 'pull app:1', 'pull app:1']);
  });

  it('with policy Never fails when the image is not there', async () => {
    const message = 'Container image "app:1" is not present with pull policy of Never';
    expect(await outcome(puller().ensureImage(request({ policy: 'Never' }), never))).toBe(
      `ErrImageNeverPull: ${message}`,
    );
    expect(events.all).toEqual([`Warning ErrImageNeverPull: ${message}`, 'Warning Failed: Error: ErrImageNeverPull']);
  });

  it('refuses what is no image name', async () => {
    const message =
      'Failed to apply default image tag "App": couldn\'t parse image name "App": invalid reference format: repository name (library/App) must be lowercase';
    expect(await outcome(puller().ensureImage(request({ image: 'App' }), never))).toBe(`InvalidImageName: ${message}`);
    expect(events.all).toEqual([`Warning InspectFailed: ${message}`, 'Warning Failed: Error: InvalidImageName']);
  });

  it('says when the image cannot be inspected', async () => {
    runtime.onStatus = () => {
      throw new Error('boom');
    };
    const message = 'Failed to inspect image "app:1": boom';
    expect(await outcome(puller().ensureImage(request(), never))).toBe(`ImageInspectError: ${message}`);
    expect(events.all).toEqual([`Warning InspectFailed: ${message}`, 'Warning Failed: Error: ImageInspectError']);
  });

  it.each([
    [{}, 'spec.containers{app}'],
    [{ list: 'initContainers' as const }, 'spec.initContainers{app}'],
    [{ list: 'ephemeralContainers' as const }, 'spec.ephemeralContainers{app}'],
  ])('%j: events are about %s', async (list, path) => {
    await puller().ensureImage(request(list), never);
    expect([...events.paths]).toEqual([path]);
  });

  it.each([
    [[], undefined, 'pull app:1'],
    [['node'], undefined, 'pull app:1 as node'],
    [['node'], 'pod', 'pull app:1 as pod'],
  ])('credentials of the node %j and of the pod %j: %s', async (node, pod, call) => {
    nodeAuths = node.map((username) => ({ username, password: 'x' }));
    await puller().ensureImage(request(pod === undefined ? {} : secretsOf(pod)), never);
    expect(runtime.calls).toEqual([call]);
  });

  it('tries all credentials in their order until one is right', async () => {
    nodeAuths = ['wrong', 'right', 'spare'].map((username) => ({ username, password: 'x' }));
    runtime.onPull = (_, __, { username }) => {
      return username === 'right' ? Promise.resolve() : Promise.reject(new Error(`no access for ${username}`));
    };
    expect(await outcome(puller().ensureImage(request(secretsOf('pod')), never))).toBe('sha256:app:1');
    expect(runtime.calls).toEqual(['pull app:1 as pod', 'pull app:1 as wrong', 'pull app:1 as right']);
  });

  it('says of each of several credentials what was wrong', async () => {
    nodeAuths = ['a', 'b', 'c'].map((username) => ({ username, password: 'x' }));
    runtime.onPull = (_, __, { username }) => Promise.reject(new Error(username === 'b' ? 'no access' : 'not found'));
    expect(await outcome(puller().ensureImage(request(), never))).toBe('ErrImagePull: [not found, no access]');
  });

  it('tells of pull secrets that are not there, and pulls all the same', async () => {
    const pullSecrets = () => ({ keyring: [], missing: ['a', 'b'] });
    expect(await outcome(puller().ensureImage(request({ pullSecrets }), never))).toBe('sha256:app:1');
    expect(events.all[1]).toBe(
      'Warning FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (a, b); attempting to pull the image may not succeed.',
    );
    expect([...events.paths]).toContain(undefined); // it is about the pod, not about one container
  });

  it('fails when there are too many pulls a second', async () => {
    const images = puller(
      undefined,
      createTokenBucket(1, 1, () => clock.now()),
    );
    await images.ensureImage(request({ image: 'a:1' }), never);
    expect(await outcome(images.ensureImage(request({ image: 'b:1' }), never))).toBe('ErrImagePull: pull QPS exceeded');
    expect(runtime.calls).toEqual(['pull a:1']);
  });
});

describe('a pull under way', () => {
  const layer = (phase: LayerProgress['phase'], current?: number): LayerProgress => ({
    id: 'l1',
    phase,
    current,
    total: current === undefined ? undefined : 40,
  });
  let report: PullReport | undefined;
  let gate: ReturnType<typeof deferred>;
  beforeEach(() => {
    gate = deferred();
    runtime.onPull = (_, signal, given) => {
      report = given;
      signal.addEventListener('abort', () => gate.reject(new Error('connection closed')));
      return gate.promise;
    };
  });

  it('can be asked how far it is, and logs it', async () => {
    const images = puller();
    const startedAt = clock.now();
    const ensured = images.ensureImage(request(), never);
    await settled();
    report?.onLayer(layer('downloading', 12));
    expect(images.pulls()).toEqual([{ image: 'app:1', startedAt, doneBytes: 12, totalBytes: 40 }]);
    await clock.pass(25_000);
    expect(logged).toEqual([
      { image: 'app:1', doneBytes: 12, totalBytes: 40, sinceMs: 10_000 },
      { image: 'app:1', doneBytes: 12, totalBytes: 40, sinceMs: 20_000 },
    ]);
    gate.resolve();
    await ensured;
    expect([images.pulls(), clock.waiting]).toEqual([[], 0]);
  });

  it('that stalls for a minute is cancelled', async () => {
    const message = 'pull of app:1 made no progress for 1m0s and was cancelled';
    const ended = outcome(puller().ensureImage(request(), never));
    await settled();
    for (let bytes = 0; bytes < 5; bytes += 1) {
      report?.onLayer(layer('downloading', bytes));
      await clock.pass(50_000);
    }
    report?.onLayer(layer('downloading', 4)); // the same again is no progress
    await clock.pass(10_000);
    expect(await ended).toBe(`ErrImagePull: ${message}`);
    expect(events.all.slice(1)).toEqual([
      `Warning Failed: Failed to pull image "app:1": ${message}`,
      'Warning Failed: Error: ErrImagePull',
    ]);
    expect(clock.waiting).toBe(0);
  });
});

describe('a pull that fails', () => {
  const failWith = (error: Error): void => {
    runtime.onPull = () => Promise.reject(error);
  };

  it('backs off from 10 s to 5 min, and tells why', async () => {
    failWith(new Error('manifest unknown'));
    const images = puller();
    const waits = [10, 20, 40, 80, 160, 300, 300];
    for (const wait of waits) {
      expect(await outcome(images.ensureImage(request(), never))).toBe('ErrImagePull: manifest unknown');
      expect(events.take()).toEqual([
        'Normal Pulling: Pulling image "app:1"',
        'Warning Failed: Failed to pull image "app:1": manifest unknown',
        'Warning Failed: Error: ErrImagePull',
      ]);
      clock.jump(wait * 1000 - 1);
      expect(await outcome(images.ensureImage(request(), never))).toBe(
        'ImagePullBackOff: Back-off pulling image "app:1": ErrImagePull: manifest unknown',
      );
      expect(events.take()).toEqual([
        'Normal BackOff: Back-off pulling image "app:1"',
        'Warning Failed: Error: ImagePullBackOff',
      ]);
      clock.jump(1);
    }
    expect(runtime.calls).toHaveLength(waits.length);
  });

  it('does not hold up another pod or another image', async () => {
    failWith(new Error('x'));
    const images = puller();
    const outcomes = [];
    for (const next of [request(), request({ uid: 'u2' }), request({ image: 'other:1' }), request()]) {
      outcomes.push((await outcome(images.ensureImage(next, never))).split(':')[0]);
    }
    expect(outcomes).toEqual(['ErrImagePull', 'ErrImagePull', 'ErrImagePull', 'ImagePullBackOff']);
  });

  it('does not hold up an image that somebody brings meanwhile', async () => {
    failWith(new Error('x'));
    const images = puller();
    await outcome(images.ensureImage(request(), never));
    runtime.add('app:1');
    expect(await outcome(images.ensureImage(request(), never))).toBe('sha256:app:1');
  });

  it.each([
    [new Error('RegistryUnavailable: 503'), ': 503'],
    [Object.assign(new Error('bad gateway'), { statusCode: 502 }), ': bad gateway'],
    [new Error('RegistryUnavailable'), ''],
  ])('%s is a registry that is not available', async (error, detail) => {
    failWith(error);
    expect(await outcome(puller().ensureImage(request(), never))).toBe(
      `RegistryUnavailable: image pull failed for app:1 because the registry is unavailable${detail}`,
    );
  });

  it('says nothing about the image when the runtime is away', async () => {
    failWith(new RuntimeUnavailableError('docker is not running'));
    const images = puller();
    await expect(images.ensureImage(request(), never)).rejects.toThrow(RuntimeUnavailableError);
    runtime.onPull = () => Promise.resolve();
    expect(await outcome(images.ensureImage(request(), never))).toBe('sha256:app:1');
  });
});

describe('several at once', () => {
  it('share one pull of the same image', async () => {
    const gate = deferred();
    runtime.onPull = () => gate.promise;
    const images = puller(1);
    const all = Promise.all(['u1', 'u2', 'u3'].map((uid) => outcome(images.ensureImage(request({ uid }), never))));
    await settled();
    gate.resolve();
    expect(await all).toEqual(Array(3).fill('sha256:app:1'));
    expect(runtime.calls).toEqual(['pull app:1']);
  });

  it('do not share what other credentials pull', async () => {
    const names = ['anna', 'ben', 'anna'];
    const images = puller();
    await Promise.all(
      names.map((name, index) => images.ensureImage(request({ uid: `u${index}`, ...secretsOf(name) }), never)),
    );
    expect(runtime.calls).toEqual(['pull app:1 as anna', 'pull app:1 as ben']);
  });

  it.each([
    [1, 1],
    [2, 2],
    [undefined, 5],
  ])('with a limit of %s, %s run', async (limit, expected) => {
    let running = 0;
    let most = 0;
    const gate = deferred();
    runtime.onPull = async () => {
      most = Math.max(most, (running += 1));
      await gate.promise;
      running -= 1;
    };
    const images = puller(limit);
    const all = Promise.all([1, 2, 3, 4, 5].map((n) => images.ensureImage(request({ image: `app:${n}` }), never)));
    await settled();
    gate.resolve();
    await all;
    expect([most, runtime.calls.length]).toEqual([expected, 5]);
  });

  it('tells the time of the wait apart from that of the pull', async () => {
    runtime.onPull = () => {
      clock.jump(1000);
      return Promise.resolve();
    };
    const images = puller(1);
    await Promise.all(['a:1', 'b:1'].map((image) => images.ensureImage(request({ image }), never)));
    expect(events.all.at(-1)).toBe(
      'Normal Pulled: Successfully pulled image "b:1" in 1s (2s including waiting). Image size: 1234 bytes.',
    );
  });

  it('one that is aborted leaves at once, and its pull goes on for the others', async () => {
    const gate = deferred();
    runtime.onPull = (_, signal) => {
      signal.addEventListener('abort', () => gate.reject(new Error('aborted')));
      return gate.promise;
    };
    const images = puller();
    const leaving = new AbortController();
    const left = images.ensureImage(request({ uid: 'u1' }), leaving.signal);
    const stayed = images.ensureImage(request({ uid: 'u2' }), never);
    await settled();
    leaving.abort(new Error('pod deleted'));
    await expect(left).rejects.toThrow('pod deleted');
    gate.resolve();
    expect(await outcome(stayed)).toBe('sha256:app:1');
  });

  it('a pull that nobody waits for any more is aborted, also while it waits for its turn', async () => {
    const aborted: string[] = [];
    runtime.onPull = (image, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(image);
          reject(new Error('aborted'));
        });
      });
    const images = puller(1);
    const controllers = [new AbortController(), new AbortController()];
    const pulls = controllers.map(({ signal }, n) => images.ensureImage(request({ image: `app:${n}` }), signal));
    await settled();
    for (const controller of controllers.toReversed()) controller.abort(new Error('stop'));
    for (const pull of pulls) await expect(pull).rejects.toThrow('stop');
    await settled();
    expect([runtime.calls, aborted]).toEqual([['pull app:0'], ['app:0']]);
  });

  it('an aborted pull does not count as a failure', async () => {
    runtime.onPull = (_, signal) =>
      new Promise((__, reject) => signal.addEventListener('abort', () => reject(new Error('x'))));
    const images = puller();
    const controller = new AbortController();
    const first = images.ensureImage(request(), controller.signal);
    await settled();
    controller.abort(new Error('stop'));
    await expect(first).rejects.toThrow('stop');
    runtime.onPull = () => Promise.resolve();
    expect(await outcome(images.ensureImage(request(), never))).toBe('sha256:app:1');
  });
});
