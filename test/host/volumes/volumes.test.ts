import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exec } from '../../../cni/index.ts';
import type { Volume } from '../../../agent/objects/types.ts';
import { MountBusyError, VolumeSetupError } from '../../../agent/volumes/errors.ts';
import { mountsWithin, readMounts } from '../../../agent/volumes/mountinfo.ts';
import { describeFailures, orphanedPodDirs, sweepOrphans } from '../../../agent/volumes/orphans.ts';
import { createPodVolumes, type PodVolumes } from '../../../agent/volumes/pod-volumes.ts';
import { removeTree } from '../../../agent/volumes/remove-tree.ts';
import { container, pod, uid, volumeDeps } from '../../unit/volumes/pods.ts';

const MiB = 2 ** 20;
const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

let root: string;
let volumes: PodVolumes;

/** The tests' own mounts are private to their directory, and are taken off whatever happens. */
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'volumes-')));
  volumes = createPodVolumes({ ...volumeDeps(), rootDir: root, exec });
});
afterEach(async () => {
  for (const { mountPoint } of mountsWithin(await readMounts(), root).toReversed()) run('umount', mountPoint);
  rmSync(root, { recursive: true });
});

const run = (file: string, ...args: readonly string[]): string => execFileSync(file, args, { encoding: 'utf8' });
const podPath = (...parts: readonly string[]): string => join(root, 'pods', uid, ...parts);
const emptyDir = (name: string): string => podPath('volumes', 'kubernetes.io~empty-dir', name);
const mountPoints = async (): Promise<readonly string[]> =>
  mountsWithin(await readMounts(), root).map(({ mountPoint }) => mountPoint);
const prepare = async (...sources: readonly Volume[]): Promise<void> => {
  await volumes.prepare(pod([...sources]), never);
};

const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } };
const disk: Volume = { name: 'disk', emptyDir: {} };

describe.skipIf(!isRoot)('emptyDir in memory', () => {
  it('is a tmpfs of its size, that anybody may write to', async () => {
    await prepare(memory);
    const stats = statfsSync(emptyDir('memory'));
    expect([stats.type, stats.blocks * stats.bsize]).toEqual([0x01021994, 8 * MiB]);
    expect((statSync(emptyDir('memory')).mode & 0o7777).toString(8)).toBe('1777');
  });

  it('is mounted once, and keeps what it holds', async () => {
    await prepare(memory);
    writeFileSync(join(emptyDir('memory'), 'file'), 'kept');
    await prepare(memory);
    expect([await mountPoints(), readFileSync(join(emptyDir('memory'), 'file'), 'utf8')]).toEqual([
      [emptyDir('memory')],
      'kept',
    ]);
  });

  it('is known under a root directory that is a symbolic link', async () => {
    symlinkSync(root, join(root, 'link'));
    const linked = createPodVolumes({ ...volumeDeps(), rootDir: join(root, 'link'), exec });
    await linked.prepare(pod([memory]), never);
    await linked.prepare(pod([memory]), never);
    expect(await mountPoints()).toEqual([emptyDir('memory')]);
    await linked.teardown(uid, never);
    expect([await mountPoints(), existsSync(podPath())]).toEqual([[], false]);
  });
});

describe.skipIf(!isRoot)('teardown', () => {
  it('takes mounts and directory away, and may be repeated', async () => {
    await prepare(memory, disk);
    writeFileSync(join(emptyDir('memory'), 'file'), '');
    writeFileSync(join(emptyDir('disk'), 'file'), '');
    for (let time = 0; time < 2; time += 1) {
      await volumes.teardown(uid, never);
      expect([await mountPoints(), existsSync(podPath())]).toEqual([[], false]);
    }
  });

  it('takes mounts away that lie over each other', async () => {
    await prepare(memory);
    run('mount', '-t', 'tmpfs', 'tmpfs', emptyDir('memory'));
    await volumes.teardown(uid, never);
    expect(existsSync(podPath())).toBe(false);
  });

  it('waits for a volume that is in use, and names it', async () => {
    await prepare(memory, disk);
    const user = spawn('sleep', ['infinity'], { cwd: emptyDir('memory') });
    const failure: unknown = await volumes.teardown(uid, never).catch((error: unknown) => error);
    user.kill('SIGKILL');
    await once(user, 'exit');
    expect(failure).toBeInstanceOf(MountBusyError);
    expect(failure).toMatchObject({
      message: `cannot remove ${podPath()}: still mounted: ${emptyDir('memory')}`,
      mountPoints: [emptyDir('memory')],
    });
    expect(existsSync(emptyDir('disk'))).toBe(true);
    await volumes.teardown(uid, never);
    expect(existsSync(podPath())).toBe(false);
  });

  it.each<[string, readonly string[]]>([
    ['a bind mount of the same file system', ['--bind']],
    ['a bind mount with a space in its name', ['--bind', ' ']],
    ['another file system', ['-t', 'tmpfs']],
  ])('never removes what lies behind %s', async (_, [option = '', suffix = '']) => {
    await prepare(disk);
    const precious = join(root, 'precious');
    const mountPoint = join(emptyDir('disk'), `a${suffix.trim() === suffix ? '' : ' b'}`);
    mkdirSync(precious);
    mkdirSync(mountPoint);
    if (option === '--bind') run('mount', '--bind', precious, mountPoint);
    else run('mount', '-t', 'tmpfs', 'tmpfs', mountPoint);
    writeFileSync(join(mountPoint, 'data'), 'precious');

    await expect(volumes.teardown(uid, never)).rejects.toMatchObject({ mountPoints: [mountPoint] });
    // The walk itself refuses too, where a mount appears after mountinfo was read.
    await expect(removeTree(podPath(), never)).rejects.toMatchObject({ mountPoints: [mountPoint] });
    expect(readFileSync(join(mountPoint, 'data'), 'utf8')).toBe('precious');

    run('umount', mountPoint);
    await volumes.teardown(uid, never);
    expect([existsSync(podPath()), existsSync(precious)]).toEqual([false, true]);
  });

  it('names a file that is mounted over', async () => {
    await prepare(disk);
    const [file, source] = [join(emptyDir('disk'), 'file'), join(root, 'source')];
    for (const path of [file, source]) writeFileSync(path, '');
    run('mount', '--bind', source, file);
    await expect(removeTree(podPath(), never)).rejects.toMatchObject({ mountPoints: [file] });
    expect(existsSync(source)).toBe(true);
  });
});

describe('removal', () => {
  it('does not follow symbolic links', async () => {
    await prepare(disk);
    const precious = join(root, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'data'), 'precious');
    symlinkSync(precious, join(emptyDir('disk'), 'link'));
    symlinkSync('/', join(emptyDir('disk'), 'slash'));
    symlinkSync('nowhere', join(emptyDir('disk'), 'dangling'));
    await volumes.teardown(uid, never);
    expect([existsSync(podPath()), readFileSync(join(precious, 'data'), 'utf8')]).toEqual([false, 'precious']);
  });

  it('refuses a pod directory that is a symbolic link', async () => {
    const precious = join(root, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'data'), 'precious');
    mkdirSync(join(root, 'pods'));
    symlinkSync(precious, podPath());
    await expect(volumes.teardown(uid, never)).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(readdirSync(precious)).toEqual(['data']);
  });

  it('removes names that are not UTF-8, and what has no permissions', async () => {
    await prepare(disk);
    const base = Buffer.from(`${emptyDir('disk')}/`);
    const odd = Buffer.concat([base, Buffer.from([0xff, 0x0a, 0xc3])]);
    mkdirSync(odd);
    writeFileSync(Buffer.concat([odd, Buffer.from('/'), Buffer.from([0xfe])]), '');
    mkdirSync(join(emptyDir('disk'), 'closed'));
    run('chmod', '000', join(emptyDir('disk'), 'closed'));
    await volumes.teardown(uid, never);
    expect(existsSync(podPath())).toBe(false);
  });

  it('removes trees deeper than any path may be long, with few open files', async () => {
    await prepare(disk);
    // 3,000 levels of 10 bytes: beyond PATH_MAX (4,096), and three times the number of files allowed below.
    const dig = 'import os\nfor _ in range(3000):\n os.mkdir("d" * 9)\n os.chdir("d" * 9)';
    execFileSync('python3', ['-c', dig], { cwd: emptyDir('disk') });
    const before = readdirSync('/proc/self/fd').length;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, readdirSync('/proc/self/fd').length)), 1);
    await volumes.teardown(uid, never);
    clearInterval(watch);
    expect(existsSync(podPath())).toBe(false);
    expect(most - before).toBeLessThan(120);
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });

  it('removes many files', async () => {
    await prepare(disk);
    for (let file = 0; file < 2000; file += 1) writeFileSync(join(emptyDir('disk'), `file-${file}`), '');
    await volumes.teardown(uid, never);
    expect(existsSync(podPath())).toBe(false);
  });

  it('stops when it is aborted, and goes on later', async () => {
    await prepare(disk);
    writeFileSync(join(emptyDir('disk'), 'file'), '');
    await expect(volumes.teardown(uid, AbortSignal.abort(new Error('shutting down')))).rejects.toThrow('shutting down');
    await volumes.teardown(uid, never);
    expect(existsSync(podPath())).toBe(false);
  });
});

describe.skipIf(!isRoot)('a full disk', () => {
  it('is an error that names the volume; with room again the pod goes on', async () => {
    run('mount', '-t', 'tmpfs', '-o', 'size=64k,nr_inodes=12', 'tmpfs', root);
    const fillers = Array.from({ length: 20 }, (_, index) => ({ name: `v${index}`, emptyDir: {} }));
    const failure: unknown = await prepare(...fillers).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(VolumeSetupError);
    expect(String(failure)).toMatch(/MountVolume\.SetUp failed for volume "v\d+" : ENOSPC/);
    run('mount', '-o', 'remount,nr_inodes=1000', root);
    await prepare(...fillers);
    await volumes.teardown(uid, never);
    expect(existsSync(podPath())).toBe(false);
  });
});

describe.skipIf(!isRoot)('hostPath of devices', () => {
  it.each([
    ['b', 'BlockDevice', 'CharDevice'],
    ['c', 'CharDevice', 'BlockDevice'],
  ] as const)('mknod %s is a %s and no %s', async (kind, type, other) => {
    const path = join(root, 'device');
    run('mknod', path, kind, '1', '3');
    await prepare({ name: 'dev', hostPath: { path, type } });
    await expect(prepare({ name: 'dev', hostPath: { path, type: other } })).rejects.toThrow('type check failed');
  });
});

describe.skipIf(!isRoot)('orphans', () => {
  const orphan = 'f'.repeat(32);
  const apiUid = '00000000-1111-2222-3333-444444444444';

  it('are the pod directories that nobody knows; other names are left alone', async () => {
    for (const name of [uid, orphan, apiUid, 'lost+found', 'backup'])
      mkdirSync(join(root, 'pods', name), { recursive: true });
    writeFileSync(join(root, 'pods', 'a'.repeat(32)), '');
    symlinkSync('/', join(root, 'pods', 'b'.repeat(32)));
    expect((await orphanedPodDirs(root, new Set([uid]))).toSorted()).toEqual([apiUid, orphan]);
  });

  it('of a root directory that is not there: none', async () => {
    expect(await orphanedPodDirs(join(root, 'none'), new Set())).toEqual([]);
  });

  it('are removed with their mounts; what cannot be is one message', async () => {
    await prepare(memory);
    const busy = ['c', 'd'].map((digit) => join(root, 'pods', digit.repeat(32)));
    for (const directory of busy) {
      mkdirSync(join(directory, 'x'), { recursive: true });
      run('mount', '-t', 'tmpfs', 'tmpfs', join(directory, 'x'));
    }
    const sweep = await sweepOrphans(root, new Set(), exec, never);
    expect(sweep.removed).toEqual([uid]);
    expect(sweep.failed.map((failure) => failure.uid)).toEqual(['c'.repeat(32), 'd'.repeat(32)]);
    expect(describeFailures(sweep)).toBe(
      `2 orphaned pod directories cannot be removed: cannot remove ${busy[0]}: still mounted: ${busy[0]}/x; and 1 more`,
    );

    for (const directory of busy) run('umount', join(directory, 'x'));
    const again = await sweepOrphans(root, new Set(), exec, never);
    expect([again.removed.length, describeFailures(again), readdirSync(join(root, 'pods'))]).toEqual([
      2,
      undefined,
      [],
    ]);
  });
});

it('a container without volumeMounts gets none', async () => {
  const prepared = await volumes.prepare(pod([disk]), never);
  expect(await prepared.mounts(container(), new Map(), never)).toEqual([]);
});
