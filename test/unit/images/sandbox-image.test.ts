import { beforeEach, describe, expect, it } from 'vitest';
import { builtInPauseImage } from '../../../agent/images/pause/archive.ts';
import { createSandboxImage, type SandboxImage } from '../../../agent/images/sandbox-image.ts';
import { RuntimeUnavailableError } from '../../../agent/runtime/types.ts';
import { FakeImages, never } from './fakes.ts';

const wanted = 'registry.k8s.io/pause:3.10';
let runtime: FakeImages;
let logged: string[];

beforeEach(() => {
  runtime = new FakeImages();
  logged = [];
  runtime.onLoad = () => runtime.add(builtInPauseImage);
});

function sandboxImage(options: { wanted?: string; architecture?: string; pullDeadlineMs?: number } = {}): SandboxImage {
  const log = (fields: object, message: string): void =>
    void logged.push(`${message}: ${'why' in fields ? String(fields.why) : 'err' in fields ? String(fields.err) : ''}`);
  const credentials = () => Promise.resolve([]);
  return createSandboxImage({
    runtime,
    credentials,
    wanted,
    architecture: 'x64',
    log: { info: log, warn: log },
    ...options,
  });
}

const refuse = (error: Error): void => {
  runtime.onPull = () => Promise.reject(error);
};

describe('the configured image', () => {
  it('is used when it is on the host', async () => {
    runtime.add(wanted);
    expect(await sandboxImage().ensure(never)).toBe(wanted);
    expect([runtime.calls, logged]).toEqual([[], ['sandbox image: it is on the host']]);
  });

  it('is pulled when it is not', async () => {
    expect(await sandboxImage().ensure(never)).toBe(wanted);
    expect(runtime.calls).toContain(`pull ${wanted}`);
    expect(logged).toEqual(['sandbox image: it was pulled']);
  });
});

describe('the built-in image', () => {
  it('is loaded when the configured one cannot be pulled', async () => {
    refuse(new Error('no such host'));
    expect(await sandboxImage().ensure(never)).toBe(builtInPauseImage);
    expect(runtime.calls.toSorted()).toEqual(['load', `pull ${wanted}`]);
    expect(logged).toEqual(['sandbox image cannot be pulled, using the built-in one: Error: no such host']);
  });

  it('is loaded when the registry does not answer in time', async () => {
    runtime.onPull = (_, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    expect(await sandboxImage({ pullDeadlineMs: 1 }).ensure(never)).toBe(builtInPauseImage);
  });

  it('is not loaded again when it is there', async () => {
    runtime.add(builtInPauseImage);
    refuse(new Error('no such host'));
    expect(await sandboxImage().ensure(never)).toBe(builtInPauseImage);
    expect(runtime.calls).toEqual([`pull ${wanted}`]);
  });

  it('is never asked of a registry', async () => {
    expect(await sandboxImage({ wanted: builtInPauseImage }).ensure(never)).toBe(builtInPauseImage);
    expect(runtime.calls).toEqual(['load']);
  });

  it('does not exist for other architectures', async () => {
    refuse(new Error('no such host'));
    await expect(sandboxImage({ architecture: 'riscv64' }).ensure(never)).rejects.toThrow(
      `no sandbox image: cannot pull ${wanted} (no such host), and cannot load the built-in one`,
    );
  });
});

describe('the decision', () => {
  it('is made once, also for pods that ask at the same time', async () => {
    refuse(new Error('x'));
    const image = sandboxImage();
    const asked = [image.ensure(never), image.ensure(never)];
    expect(await Promise.all([...asked, ...asked.map(() => image.ensure(never))])).toEqual(
      Array(4).fill(builtInPauseImage),
    );
    expect(await image.ensure(never)).toBe(builtInPauseImage);
    expect([runtime.calls.length, logged.length]).toEqual([2, 1]);
  });

  it('is made again when somebody removed the image', async () => {
    refuse(new Error('x'));
    const image = sandboxImage();
    await image.ensure(never);
    runtime.present.clear();
    runtime.onPull = () => Promise.resolve();
    expect(await image.ensure(never)).toBe(wanted);
  });

  it.each(['onStatus', 'onPull'] as const)('is put off while the runtime is away (%s)', async (call) => {
    const away = new RuntimeUnavailableError('docker is not running');
    if (call === 'onPull') refuse(away);
    else
      runtime.onStatus = () => {
        throw away;
      };
    const image = sandboxImage();
    await expect(image.ensure(never)).rejects.toBe(away);
    runtime.onStatus = () => undefined;
    runtime.onPull = () => Promise.resolve();
    expect(await image.ensure(never)).toBe(wanted);
  });
});
