import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exec } from '../../../cni/index.ts';
import type { Volume, VolumeMount } from '../../../agent/objects/types.ts';
import { createPodVolumes, type PodVolumes } from '../../../agent/volumes/pod-volumes.ts';
import { configMap, container, pod, uid, volumeDeps } from '../../unit/volumes/pods.ts';
import { createRoot, isRoot, never, rights, type Root, run } from './fixture.ts';

let root: Root;
let volumes: PodVolumes;
let umask: number;
const objects = [configMap('app', { color: 'red' })];

beforeEach(() => {
  umask = process.umask(0o022);
  root = createRoot();
  objects.splice(0, 1, configMap('app', { color: 'red' }));
  volumes = createPodVolumes({ ...volumeDeps(objects), rootDir: root.path, exec });
});
afterEach(async () => {
  process.umask(umask);
  await root.remove();
});

const data: Volume = { name: 'data', emptyDir: {} };
const volume = (...parts: readonly string[]): string => root.pod('volumes/kubernetes.io~empty-dir/data', ...parts);
const target = (index: number): string => root.pod('volume-subpaths/data/app', String(index));

/** Sets a volume up and resolves to what a container gets for each of its mounts. */
async function mount(mounts: readonly Partial<VolumeMount>[], source = data, env: Record<string, string> = {}) {
  const full = mounts.map((part, index) => ({ name: source.name, mountPath: `/${index}`, ...part }));
  const app = container({ mounts: full });
  const prepared = await volumes.prepare(pod([source], { containers: [app] }), never);
  return await prepared.mounts(app, new Map(Object.entries(env)), never);
}

/** The volume with what a container has left in it, before the next one starts. */
async function withVolume(): Promise<void> {
  await mount([]);
}

const paths = (mounts: readonly { readonly hostPath: string }[]): readonly string[] =>
  mounts.map(({ hostPath }) => hostPath);

describe.skipIf(!isRoot)('a part of a volume', () => {
  it('is made with the mode of the volume under any umask, and bound', async () => {
    process.umask(0o077);
    await withVolume();
    run('chown', '0:2000', volume());
    chmodSync(volume(), 0o2770);
    const mounts = await mount([{ subPath: 'a/b' }, {}, { subPathExpr: './logs//$(POD)/', readOnly: true }], data, {
      POD: 'web-1',
    });
    expect(mounts).toEqual([
      { hostPath: target(0), containerPath: '/0', readOnly: false, propagation: 'private' },
      { hostPath: volume(), containerPath: '/1', readOnly: false, propagation: 'private' },
      { hostPath: target(2), containerPath: '/2', readOnly: true, propagation: 'private' },
    ]);
    expect(['a', 'a/b', 'logs', 'logs/web-1'].map((path) => rights(volume(path)))).toEqual(
      Array.from({ length: 4 }, () => '2770 0:2000'),
    );
    writeFileSync(join(target(0), 'file'), 'x');
    expect(readdirSync(volume('a/b'))).toEqual(['file']);
    expect((statSync(root.pod('volume-subpaths')).mode & 0o777).toString(8)).toBe('700');
  });

  it('may be a file, a link that stays inside, a socket or a device', async () => {
    await withVolume();
    mkdirSync(volume('real'));
    writeFileSync(volume('real/file'), 'inside');
    symlinkSync('real', volume('relative'));
    symlinkSync(volume('real'), volume('absolute'));
    run('mkfifo', volume('fifo'));
    const mounts = await mount([
      { subPath: 'real/file' },
      { subPath: 'relative/file' },
      { subPath: 'absolute' },
      { subPath: 'fifo' },
      { subPath: '.' },
    ]);
    expect(paths(mounts)).toEqual([0, 1, 2, 3, 4].map(target));
    expect([readFileSync(target(0), 'utf8'), readFileSync(target(1), 'utf8')]).toEqual(['inside', 'inside']);
    expect([readdirSync(target(2)), lstatSync(target(3)).isFIFO(), statSync(target(4)).ino]).toEqual([
      ['file'],
      true,
      statSync(volume()).ino,
    ]);
  });

  it('is bound once, and anew when it is something else', async () => {
    await mount([{ subPath: 'a' }]);
    await mount([{ subPath: 'a' }]);
    expect(await root.mountPoints()).toEqual([target(0)]);
    rmSync(volume('a'), { recursive: true });
    writeFileSync(volume('a'), 'a file now');
    await mount([{ subPath: 'a' }]);
    expect([readFileSync(target(0), 'utf8'), await root.mountPoints()]).toEqual(['a file now', [target(0)]]);
    rmSync(volume('a'));
    await mount([{ subPath: 'a' }]);
    expect([readdirSync(target(0)), await root.mountPoints()]).toEqual([[], [target(0)]]);
  });

  it('of a configMap shows what it was until the container starts again', async () => {
    const source: Volume = { name: 'config', configMap: { name: 'app' } };
    const [{ hostPath } = { hostPath: '' }] = await mount([{ subPath: 'color' }], source);
    const before = readFileSync(hostPath, 'utf8');
    objects[0] = configMap('app', { color: 'blue' });
    await mount([], source);
    const meanwhile = readFileSync(hostPath, 'utf8');
    await mount([{ subPath: 'color' }], source);
    expect([before, meanwhile, readFileSync(hostPath, 'utf8')]).toEqual(['red', 'red', 'blue']);
  });

  it('goes with the pod, before the volume in memory that it shows', async () => {
    const memory: Volume = { name: 'data', emptyDir: { medium: 'Memory' } };
    await mount([{ subPath: 'a' }, { subPath: 'b/c' }], memory);
    expect(await root.mountPoints()).toHaveLength(3);
    await volumes.teardown(uid, never);
    expect([await root.mountPoints(), existsSync(root.pod())]).toEqual([[], false]);
  });

  it("leaves the host's mounts alone that came in by propagation", async () => {
    mkdirSync(root.at('host/sub/disk'), { recursive: true });
    run('mount', '--bind', root.at('host'), root.at('host'));
    run('mount', '--make-shared', root.at('host'));
    await mount([{ subPath: 'sub' }], { name: 'data', hostPath: { path: root.at('host') } });
    run('mount', '-t', 'tmpfs', 'tmpfs', root.at('host/sub/disk'));
    writeFileSync(root.at('host/sub/disk/file'), 'kept');
    expect(readFileSync(join(target(0), 'disk/file'), 'utf8')).toBe('kept');
    await volumes.teardown(uid, never);
    expect([existsSync(root.pod()), readFileSync(root.at('host/sub/disk/file'), 'utf8')]).toEqual([false, 'kept']);
  });
});

describe.skipIf(!isRoot)('a symbolic link out of the volume (CVE-2017-1002101)', () => {
  const refused = 'failed to prepare subPath for volumeMount "data" of container "app"';

  it.each<[string, string, string]>([
    ['to the root of the host', '/', 'link'],
    ['to a directory of the host', '@precious', 'link'],
    ['to a file of the host', '@precious/key', 'link'],
    ['in the middle of the path', '@', 'link/precious'],
    ['in the middle, to make a directory there', '@precious', 'link/new/dir'],
    ['by way of the parent', '../../../../../precious', 'link'],
    ['by way of the parent, to make a directory there', '../../../../../precious', 'link/new'],
    ['to the directory of the pod', '../../..', 'link'],
    ['to the pods of others', '../../../../..', 'link'],
    ['to what has the name of the volume as its start', '../data-other', 'link'],
    ['to what is not there', '@precious/missing', 'link'],
    ['to what is not there, to make a directory there', '@precious/missing', 'link/dir'],
    ['to itself', 'link', 'link'],
    ['to the descriptors of the daemon', '/proc/self/fd', 'link'],
    ['to the root by way of proc', '/proc/1/root', 'link'],
  ])('%s is refused', async (_, to, subPath) => {
    mkdirSync(root.at('precious'), { mode: 0o700 });
    writeFileSync(root.at('precious/key'), 'host');
    await withVolume();
    mkdirSync(volume('../data-other'));
    symlinkSync(to.startsWith('@') ? root.at(to.slice(1)) : to, volume('link'));
    await expect(mount([{ subPath }])).rejects.toThrow(new Error(refused));
    expect([await root.mountPoints(), readdirSync(root.at('precious'))]).toEqual([[], ['key']]);
  });

  it('tells nothing of the host, but the cause does', async () => {
    await withVolume();
    symlinkSync('/etc/passwd', volume('link'));
    const failure = await mount([{ subPath: 'link' }]).catch((error: unknown) => error);
    expect(String(failure)).not.toContain('passwd');
    expect(failure).toMatchObject({ cause: { message: `link leads to /etc/passwd, out of ${volume()}` } });
  });

  it.each([
    ['a file in the middle', 'file/x'],
    ['a name that is too long', 'x'.repeat(300)],
  ])('%s is refused too', async (_, subPath) => {
    await withVolume();
    writeFileSync(volume('file'), '');
    await expect(mount([{ subPath }])).rejects.toThrow(refused);
  });
});

/** Exchanges two names as fast as it can (renameat2, RENAME_EXCHANGE), as a container that attacks would. */
const EXCHANGE = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b = (os.fsencode(path) for path in sys.argv[1:])
print('ready', flush=True)
while True:
    libc.renameat2(-100, a, -100, b, 2)
`;

describe.skipIf(!isRoot)('a link that is exchanged while the part is bound (CVE-2021-25741)', () => {
  it.each([
    ['the directory itself', 'dir', 'dir'],
    ['a directory on the way', 'dir', 'dir/inner'],
    ['a directory on the way, to make one there', 'dir', 'dir/new'],
  ])('%s', async (_, swapped, subPath) => {
    const precious = root.at('precious');
    mkdirSync(join(precious, 'inner'), { recursive: true });
    await withVolume();
    mkdirSync(volume('dir/inner'), { recursive: true });
    symlinkSync(precious, volume('evil'));
    const inside = statSync(volume()).dev;
    const outside = new Set([statSync(precious).ino, statSync(join(precious, 'inner')).ino]);
    const attacker = spawn('python3', ['-c', EXCHANGE, volume(swapped), volume('evil')]);
    const results = { bound: 0, refused: 0 };
    try {
      await once(attacker.stdout, 'data');
      // At least 60 times, and until the attacker was too late and too early once each.
      for (let time = 0; time < 60 || (time < 1000 && Math.min(results.bound, results.refused) === 0); time += 1) {
        const mounts = await mount([{ subPath }]).catch(() => undefined);
        if (mounts === undefined) results.refused += 1;
        else {
          const shown = statSync(target(0));
          expect([shown.dev, outside.has(shown.ino)]).toEqual([inside, false]);
          results.bound += 1;
        }
        for (const mountPoint of await root.mountPoints()) run('umount', mountPoint);
      }
    } finally {
      attacker.kill('SIGKILL');
      await once(attacker, 'exit');
    }
    // Both happen, or the attack was none.
    expect([results.bound > 0, results.refused > 0]).toEqual([true, true]);
    expect(readdirSync(precious)).toEqual(['inner']);
  });
});

it.skipIf(!isRoot)('no descriptor is left open, whether it goes well or not', async () => {
  await withVolume();
  symlinkSync('/', volume('link'));
  writeFileSync(volume('file'), '');
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  for (const subPath of ['a/b/c', 'a/b/c', 'link', 'link/x', 'file/x', 'x'.repeat(300)]) {
    await mount([{ subPath }]).catch(() => undefined);
  }
  expect(open()).toBeLessThanOrEqual(before);
});
