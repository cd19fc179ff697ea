import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exec, ExecRequest } from '../../../cni/index.ts';
import type { Volume } from '../../../agent/objects/types.ts';
import { VolumeSetupError } from '../../../agent/volumes/errors.ts';
import { createPodVolumes, type PodVolumes } from '../../../agent/volumes/pod-volumes.ts';
import { container, object, pod, uid, volumeDeps } from './pods.ts';

const never = new AbortController().signal;
const noExec: Exec = ({ file }) => Promise.reject(new Error(`unexpected program ${file}`));

let root: string;
let volumes: PodVolumes;
let umask: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'volumes-'));
  volumes = createPodVolumes({ ...volumeDeps(), rootDir: root, exec: noExec });
  umask = process.umask(0o022);
});
afterEach(() => {
  process.umask(umask);
  rmSync(root, { recursive: true });
});

/** Prepares one volume and resolves to its path on the host. */
async function prepare(source: Omit<Volume, 'name'>, name = 'data'): Promise<string | undefined> {
  const app = container({ mounts: [{ name, mountPath: '/data' }] });
  const prepared = await volumes.prepare(pod([{ name, ...source }], { containers: [app] }), never);
  return (await prepared.mounts(app, new Map(), never))[0]?.hostPath;
}

/** Manifests may hold any text as type. */
function hostPath(path: string, type: string): Omit<Volume, 'name'> {
  return { hostPath: { path, type: type as NonNullable<NonNullable<Volume['hostPath']>['type']> } };
}

const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('the pod directory', () => {
  it("is laid out as the kubelet's, for root only", async () => {
    await volumes.prepare(
      pod([{ name: 'cache', emptyDir: {} }], { initContainers: [container({ name: 'init' })] }),
      never,
    );
    const tree = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P %m\n'], { cwd: root, encoding: 'utf8' });
    expect(tree.trim().split('\n').toSorted()).toEqual([
      'pods 750',
      `pods/${uid} 750`,
      `pods/${uid}/containers 750`,
      `pods/${uid}/containers/app 750`,
      `pods/${uid}/containers/init 750`,
      `pods/${uid}/plugins 750`,
      `pods/${uid}/plugins/kubernetes.io~empty-dir 750`,
      `pods/${uid}/plugins/kubernetes.io~empty-dir/cache 750`,
      `pods/${uid}/plugins/kubernetes.io~empty-dir/cache/ready 644`,
      `pods/${uid}/volumes 750`,
      `pods/${uid}/volumes/kubernetes.io~empty-dir 750`,
      `pods/${uid}/volumes/kubernetes.io~empty-dir/cache 777`,
    ]);
  });
});

describe('emptyDir', () => {
  it.each([0o000, 0o022, 0o077])('has mode 0777 with umask %i', async (mask) => {
    process.umask(mask);
    expect(mode((await prepare({ emptyDir: {} })) ?? '')).toBe('777');
  });

  it('keeps what it holds when it is prepared again', async () => {
    const path = (await prepare({ emptyDir: {} })) ?? '';
    writeFileSync(join(path, 'file'), 'kept');
    expect(await prepare({ emptyDir: {} })).toBe(path);
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('kept');
  });

  it('keeps the mode that a container gave it; one that was cut short gets its own', async () => {
    const path = (await prepare({ emptyDir: {} })) ?? '';
    chmodSync(path, 0o700);
    await prepare({ emptyDir: {} });
    expect(mode(path)).toBe('700');
    rmSync(join(root, 'pods', uid, 'plugins'), { recursive: true });
    await prepare({ emptyDir: {} });
    expect(mode(path)).toBe('777');
    rmSync(path, { recursive: true });
    await prepare({ emptyDir: {} });
    expect(mode(path)).toBe('777');
  });

  it('never is what a symbolic link points to', async () => {
    const path = (await prepare({ emptyDir: {} })) ?? '';
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    rmSync(path, { recursive: true });
    symlinkSync(elsewhere, path);
    await expect(prepare({ emptyDir: {} })).rejects.toThrow(`${path} is not a directory`);
    expect(mode(elsewhere)).toBe('700');
  });
});

describe('hostPath', () => {
  const at = (name: string): string => join(root, 'host', name);
  const types = ['', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket', 'CharDevice', 'BlockDevice'];
  const fitting: Readonly<Record<string, readonly string[]>> = {
    directory: ['', 'Directory', 'DirectoryOrCreate'],
    file: ['', 'File', 'FileOrCreate'],
    socket: ['', 'Socket'],
    'link-to-directory': ['', 'Directory', 'DirectoryOrCreate'],
    '../../dev/null': ['', 'CharDevice'],
    missing: ['', 'DirectoryOrCreate', 'FileOrCreate'],
  };

  beforeEach(async () => {
    mkdirSync(at('directory'), { recursive: true });
    writeFileSync(at('file'), '');
    symlinkSync('directory', at('link-to-directory'));
    // A closed server removes its socket, so the directory entry is kept by a second name.
    const server = createServer().listen(at('listening'));
    await new Promise((resolve) => server.once('listening', resolve));
    execFileSync('ln', [at('listening'), at('socket')]);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each(Object.keys(fitting))('%s fits its types and no other', async (name) => {
    const path = name.startsWith('../') ? '/dev/null' : at(name);
    const results = [];
    for (const type of types) {
      const result = await prepare(hostPath(path, type)).catch((error: unknown) => error);
      if (result === path) results.push(type);
      else expect(result).toBeInstanceOf(VolumeSetupError);
      if (name === 'missing') rmSync(path, { recursive: true, force: true });
    }
    expect(results).toEqual(fitting[name]);
  });

  it.each([
    ['Directory', 'file', 'is not a directory, it is a file'],
    ['DirectoryOrCreate', 'file', 'is not a directory, it is a file'],
    ['File', 'directory', 'is not a file, it is a directory'],
    ['FileOrCreate', 'directory', 'is not a file, it is a directory'],
    ['Directory', 'missing', 'is not a directory, it does not exist'],
    ['Socket', 'file', 'is not a socket file, it is a file'],
    ['CharDevice', 'socket', 'is not a character device, it is a socket file'],
    ['BlockDevice', 'missing', 'is not a block device, it does not exist'],
  ])('%s of %s', async (type, name, problem) => {
    await expect(prepare(hostPath(at(name), type))).rejects.toThrow(
      `MountVolume.SetUp failed for volume "data" : hostPath type check failed: ${at(name)} ${problem}`,
    );
  });

  it.each([
    ['DirectoryOrCreate', 'a/b', '755', true],
    ['FileOrCreate', 'a', '644', false],
  ])('%s creates with its mode under any umask', async (type, name, expected, isDirectory) => {
    process.umask(0o077);
    await prepare(hostPath(at(name), type));
    expect([mode(at(name)), statSync(at(name)).isDirectory()]).toEqual([expected, isDirectory]);
  });

  it.each(['DirectoryOrCreate', 'FileOrCreate'])('%s leaves what is there as it is', async (type) => {
    const path = at(type === 'FileOrCreate' ? 'file' : 'directory');
    execFileSync('chmod', ['700', path]);
    await prepare(hostPath(path, type));
    expect(mode(path)).toBe('700');
  });

  it('without a type nothing is checked or made', async () => {
    expect(await prepare({ hostPath: { path: at('later') } })).toBe(at('later'));
    expect(readdirSync(join(root, 'host'))).not.toContain('later');
  });

  it.each(['/a/../etc', '..', '/..'])('%s is refused', async (path) => {
    await expect(prepare({ hostPath: { path } })).rejects.toThrow(
      `invalid HostPath \`${path}\`: must not contain '..'`,
    );
  });
});

describe('nfs', () => {
  const claim = object('PersistentVolumeClaim', 'shared', { spec: { volumeName: 'pv-nfs' } });
  const provided = object('PersistentVolume', 'pv-nfs', {
    spec: { nfs: { server: '192.0.2.7', path: '/a' }, mountOptions: ['nfsvers=4.1', 'hard'] },
  });

  it.each<[Omit<Volume, 'name'>, string, readonly string[]]>([
    [{ nfs: { server: 'files', path: '/a' } }, 'data', ['files:/a']],
    [{ nfs: { server: '2001:db8::7', path: '/a', readOnly: true } }, 'data', ['-o', 'ro', '[2001:db8::7]:/a']],
    [
      { persistentVolumeClaim: { claimName: 'shared', readOnly: true } },
      'pv-nfs',
      ['-o', 'ro,nfsvers=4.1,hard', '192.0.2.7:/a'],
    ],
  ])('%j is mounted with its options', async (source, name, args) => {
    const target = join(realpathSync(root), 'pods', uid, 'volumes', 'kubernetes.io~nfs', name);
    const requests: ExecRequest[] = [];
    volumes = createPodVolumes({
      ...volumeDeps([claim, provided]),
      rootDir: root,
      exec: (request) => {
        requests.push(request);
        return Promise.resolve({ stdout: '', stderr: '' });
      },
    });
    expect(await prepare(source)).toBe(target);
    expect(requests).toEqual([{ file: 'mount', args: ['-t', 'nfs', ...args, target], timeoutMs: 120_000 }]);
  });
});

describe('a generic ephemeral volume', () => {
  const source = { ephemeral: { volumeClaimTemplate: { spec: {} } } };
  const claim = (ownerReferences: readonly object[]) => {
    const made = object('PersistentVolumeClaim', 'web-data', { spec: { volumeName: 'pv' } });
    return { ...made, metadata: { ...made.metadata, ownerReferences } } as typeof made;
  };
  const claimedBy = (ownerReferences: readonly object[]): void => {
    const provided = object('PersistentVolume', 'pv', { spec: { hostPath: { path: root } } });
    const all = [claim(ownerReferences), provided];
    volumes = createPodVolumes({ ...volumeDeps(all), rootDir: root, exec: noExec });
  };

  it('is the volume of the claim that was made for the pod', async () => {
    claimedBy([
      { kind: 'Other', name: 'other', uid: 'other' },
      { kind: 'Pod', name: 'web', uid, controller: true },
    ]);
    expect(await prepare(source)).toBe(root);
  });

  it.each([
    ['of nobody', []],
    ['of a pod before it with the same name', [{ kind: 'Pod', name: 'web', uid: 'former', controller: true }]],
    ['that it only depends on', [{ kind: 'Pod', name: 'web', uid }]],
  ])('is not a claim of the same name %s', async (_whose, owners) => {
    claimedBy(owners);
    await expect(prepare(source)).rejects.toThrow(
      'volume "data" : PVC default/web-data was not created for pod default/web (pod is not owner)',
    );
  });

  it('waits for its claim', async () => {
    await expect(prepare(source)).rejects.toThrow('volume "data" : persistentvolumeclaim "web-data" not found');
  });
});

describe('what cannot be set up is named', () => {
  it.each<[Volume, string]>([
    [
      { name: 'x', glusterfs: { endpoints: 'e', path: 'p' } },
      'volume "x" : volumes of type glusterfs are not supported',
    ],
    [{ name: 'x', csi: { driver: 'd' } }, 'volume "x" : volumes of type csi are not supported'],
    [{ name: 'x', ofLater: {} } as Volume, 'volume "x" : volumes of type ofLater are not supported'],
    [{ name: 'x', emptyDir: { medium: 'HugePages' } }, 'volume "x" : storage medium "HugePages" is not supported'],
    [{ name: '../../../etc', emptyDir: {} }, 'volume name "../../../etc" cannot be a directory name'],
  ])('%j', async (volume, message) => {
    await expect(volumes.prepare(pod([volume]), never)).rejects.toThrow(message);
  });

  it('a pod UID that would leave the directory', async () => {
    const evil = pod([]);
    evil.metadata.uid = '../../etc';
    await expect(volumes.prepare(evil, never)).rejects.toThrow('cannot be a directory name');
    await expect(volumes.teardown('..', never)).rejects.toThrow('cannot be a directory name');
  });
});
