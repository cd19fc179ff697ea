import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exec } from '../../../cni/index.ts';
import type { ObjectKind, ObjectsByKind, PodSpec, Volume } from '../../../agent/objects/types.ts';
import { createPodVolumes, type PodVolumes } from '../../../agent/volumes/pod-volumes.ts';
import { configMap, container, object, pod, secret, uid, volumeDeps } from '../../unit/volumes/pods.ts';
import { createRoot, isRoot, never, rights, type Root, run } from './fixture.ts';

let root: Root;
let objects: ObjectsByKind[ObjectKind][];
let volumes: PodVolumes;

beforeEach(() => {
  root = createRoot();
  objects = [configMap('app', { color: 'red', size: '1' }), secret('login', { user: 'me' })];
  volumes = createPodVolumes({ ...volumeDeps(objects), rootDir: root.path, exec });
});
afterEach(() => root.remove());

const config: Volume = { name: 'config', configMap: { name: 'app' } };
const login: Volume = { name: 'login', secret: { secretName: 'login', defaultMode: 0o400 } };
const info: Volume = {
  name: 'info',
  downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] },
};
const all: Volume = {
  name: 'all',
  projected: { sources: [{ configMap: { name: 'app' } }, { secret: { name: 'login' } }] },
};
const places = {
  config: 'volumes/kubernetes.io~configmap/config',
  login: 'volumes/kubernetes.io~secret/login',
  info: 'volumes/kubernetes.io~downward-api/info',
  all: 'volumes/kubernetes.io~projected/all',
};

/** The mounts of a container that mounts all the volumes, in their order. */
async function prepare(sources: readonly Volume[], spec: Partial<PodSpec> = {}) {
  const app = container({ mounts: sources.map(({ name }) => ({ name, mountPath: `/${name}` })) });
  const prepared = await volumes.prepare(pod([...sources], { containers: [app], ...spec }), never);
  return await prepared.mounts(app, new Map(), never);
}

describe.skipIf(!isRoot)('volumes from objects', () => {
  it("lie where the kubelet's do, read-only, all but a configMap in memory", async () => {
    const mounts = await prepare([config, login, info, all]);
    expect(mounts).toEqual(
      Object.entries(places).map(([name, path]) => ({
        hostPath: root.pod(path),
        containerPath: `/${name}`,
        readOnly: true,
        propagation: 'private',
      })),
    );
    expect(await root.mountPoints()).toEqual([places.login, places.info, places.all].map((path) => root.pod(path)));
    for (const path of await root.mountPoints()) expect(statfsSync(path).type).toBe(0x01021994);
    const files = ['config/color', 'login/user', 'info/name', 'all/color', 'all/user'];
    expect(
      files.map((file) => {
        const [volume = '', name = ''] = file.split('/');
        return readFileSync(root.pod(places[volume as keyof typeof places], name), 'utf8');
      }),
    ).toEqual(['red', 'me', 'web', 'red', 'me']);
    expect(rights(root.pod(places.login, 'user'))).toBe('400 0:0');
  });

  it('a pod without them runs no program and mounts nothing', async () => {
    volumes = createPodVolumes({
      ...volumeDeps(objects),
      rootDir: root.path,
      exec: () => Promise.reject(new Error('unexpected program')),
    });
    await prepare([config, { name: 'disk', emptyDir: {} }]);
    expect(await root.mountPoints()).toEqual([]);
  });

  it('follow their objects, and are mounted once', async () => {
    await prepare([config, login, all]);
    const mounted = await root.mountPoints();
    const inodes = mounted.map((path) => statSync(path).ino);
    const unchanged = readlinkSync(root.pod(places.login, '..data'));
    objects[0] = configMap('app', { color: 'blue', shape: 'round' });
    await prepare([config, login, all]);
    expect(readFileSync(root.pod(places.config, 'color'), 'utf8')).toBe('blue');
    expect(existsSync(root.pod(places.config, 'size'))).toBe(false);
    expect(readFileSync(root.pod(places.all, 'shape'), 'utf8')).toBe('round');
    expect(readlinkSync(root.pod(places.login, '..data'))).toBe(unchanged);
    expect([await root.mountPoints(), mounted.map((path) => statSync(path).ino)]).toEqual([mounted, inodes]);
  });

  it('keep what they hold when an object goes, and the other volumes still follow', async () => {
    await prepare([login, config]);
    objects.splice(0, 2, configMap('app', { color: 'green' }));
    await expect(prepare([login, config])).rejects.toThrow(
      'MountVolume.SetUp failed for volume "login" : secret "login" not found',
    );
    expect(readFileSync(root.pod(places.login, 'user'), 'utf8')).toBe('me');
    expect(readFileSync(root.pod(places.config, 'color'), 'utf8')).toBe('green');
  });

  it('a projected token comes from the API server, and is not on disk', async () => {
    const asked: object[] = [];
    volumes = createPodVolumes({
      ...volumeDeps(objects),
      rootDir: root.path,
      exec,
      tokens: (owner, request) => {
        asked.push({ pod: owner.metadata.name, ...request });
        return Promise.resolve('secret-token');
      },
      trustAnchors: (_, { signerName }) => Promise.resolve(`roots of ${signerName ?? ''}`),
    });
    const sources = [
      { configMap: { name: 'app' } },
      { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } },
      { serviceAccountToken: { path: 'other' } },
      { clusterTrustBundle: { path: 'roots.pem', signerName: 'a.example/b', labelSelector: {} } },
    ];
    await prepare([{ name: 'all', projected: { sources } }], { securityContext: { runAsUser: 1000 } });
    expect(asked).toEqual([
      { pod: 'web', audience: 'vault', expirationSeconds: 600 },
      { pod: 'web', audience: '', expirationSeconds: 3600 },
    ]);
    expect(readFileSync(root.pod(places.all, 'roots.pem'), 'utf8')).toBe('roots of a.example/b');
    const file = root.pod(places.all, 'token');
    expect([readFileSync(file, 'utf8'), rights(file), statfsSync(file).type]).toEqual([
      'secret-token',
      '600 1000:0',
      0x01021994,
    ]);
  });

  it('go with the pod, also when another daemon made them', async () => {
    await prepare([config, login, info, all]);
    const successor = createPodVolumes({ ...volumeDeps(), rootDir: root.path, exec });
    await successor.teardown(uid, never);
    expect([await root.mountPoints(), existsSync(root.pod())]).toEqual([[], false]);
  });
});

describe.skipIf(!isRoot)('fsGroup', () => {
  const spec: Partial<PodSpec> = { securityContext: { fsGroup: 2000 } };
  const disk: Volume = { name: 'disk', emptyDir: {} };
  const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory' } };

  it('owns emptyDirs and what is made in them', async () => {
    const [{ hostPath: onDisk } = { hostPath: '' }, { hostPath: inMemory } = { hostPath: '' }] = await prepare(
      [disk, memory],
      spec,
    );
    expect([rights(onDisk), rights(inMemory)]).toEqual(['2777 0:2000', '3777 0:2000']);
    writeFileSync(join(onDisk, 'new'), '');
    expect(statSync(join(onDisk, 'new')).gid).toBe(2000);
    await prepare([disk, memory], spec);
    expect([rights(onDisk), rights(inMemory)]).toEqual(['2777 0:2000', '3777 0:2000']);
  });

  it('may read what comes from objects, and not write it', async () => {
    await prepare([config, login], spec);
    const data = root.pod(places.login, '..data');
    expect([rights(root.pod(places.config)), rights(root.pod(places.login)), rights(data)]).toEqual([
      '2777 0:2000',
      '3777 0:2000',
      '2755 0:2000',
    ]);
    expect([rights(root.pod(places.config, 'color')), rights(root.pod(places.login, 'user'))]).toEqual([
      '644 0:2000',
      '440 0:2000',
    ]);
    const before = readlinkSync(data);
    await prepare([config, login], spec);
    expect(readlinkSync(data)).toBe(before);
  });

  it('has no say on a hostPath', async () => {
    mkdirSync(root.at('host'), { mode: 0o700 });
    await prepare([{ name: 'host', hostPath: { path: root.at('host') } }], spec);
    expect(rights(root.at('host'))).toBe('700 0:0');
  });

  it('leaves alone what a container has changed since', async () => {
    const [mount] = await prepare([memory], spec);
    run('chmod', '700', mount?.hostPath ?? '');
    run('chgrp', '7', mount?.hostPath ?? '');
    await prepare([memory], spec);
    expect(rights(mount?.hostPath ?? '')).toBe('2700 0:7');
    run('umount', mount?.hostPath ?? '');
    await prepare([memory], spec);
    expect(rights(mount?.hostPath ?? '')).toBe('3777 0:2000');
  });

  it('is made good when a walk was cut short, and follows no link', async () => {
    await prepare([disk]);
    rmSync(root.pod('plugins/kubernetes.io~empty-dir/disk/ready'));
    const path = root.pod('volumes/kubernetes.io~empty-dir/disk');
    writeFileSync(root.at('precious'), '', { mode: 0o600 });
    mkdirSync(join(path, 'a/b'), { recursive: true });
    writeFileSync(join(path, 'a/b/file'), '', { mode: 0o600 });
    run('ln', '-s', root.at('precious'), join(path, 'a/link'));
    run('chgrp', '2000', join(path, 'a/b/file'));
    await prepare([disk], spec);
    expect([rights(path), rights(join(path, 'a/b')), rights(join(path, 'a/b/file'))]).toEqual([
      '2777 0:2000',
      '2775 0:2000',
      '660 0:2000',
    ]);
    expect([rights(root.at('precious')), lstatSync(join(path, 'a/link')).gid]).toEqual(['600 0:0', 2000]);
  });
});

describe.skipIf(!isRoot)('persistentVolumeClaim', () => {
  const claimed = (more: object = {}): Volume => ({
    name: 'data',
    persistentVolumeClaim: { claimName: 'data', ...more },
  });
  const provide = (source: object): void => {
    mkdirSync(root.at('disk'), { mode: 0o755 });
    writeFileSync(root.at('disk/file'), 'kept', { mode: 0o600 });
    const shape = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] };
    objects.push(
      object('PersistentVolume', 'pv-1', { spec: { ...shape, ...source } }),
      object('PersistentVolumeClaim', 'data', {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      }),
    );
  };
  const bound = 'volumes/kubernetes.io~local-volume/pv-1';

  it('shows a local volume, which the end of the pod leaves as it is', async () => {
    provide({ local: { path: root.at('disk') } });
    const [mount] = await prepare([claimed()]);
    expect([mount?.hostPath, mount?.readOnly]).toEqual([root.pod(bound), false]);
    expect(readFileSync(root.pod(bound, 'file'), 'utf8')).toBe('kept');
    await prepare([claimed()]);
    expect(await root.mountPoints()).toEqual([root.pod(bound)]);
    await volumes.teardown(uid, never);
    expect([await root.mountPoints(), readFileSync(root.at('disk/file'), 'utf8')]).toEqual([[], 'kept']);
  });

  it.each([
    ['Always', '2775 0:2000', '660 0:2000'],
    ['OnRootMismatch', '2775 0:2000', '660 0:2000'],
  ] as const)('a local volume belongs to the fsGroup, %s', async (fsGroupChangePolicy, directory, file) => {
    provide({ local: { path: root.at('disk') } });
    const spec: Partial<PodSpec> = { securityContext: { fsGroup: 2000, fsGroupChangePolicy } };
    await prepare([claimed()], spec);
    expect([rights(root.at('disk')), rights(root.at('disk/file'))]).toEqual([directory, file]);
    // Another pod begins, with one file that belongs to somebody else.
    await volumes.teardown(uid, never);
    run('chgrp', '0', root.at('disk/file'));
    await prepare([claimed()], spec);
    expect(statSync(root.at('disk/file')).gid).toBe(fsGroupChangePolicy === 'Always' ? 2000 : 0);
  });

  it('of a volume on the host is that directory; read-only when the claim is used so', async () => {
    provide({ hostPath: { path: root.at('disk'), type: 'Directory' } });
    const spec: Partial<PodSpec> = { securityContext: { fsGroup: 2000 } };
    expect(await prepare([claimed({ readOnly: true })], spec)).toEqual([
      { hostPath: root.at('disk'), containerPath: '/data', readOnly: true, propagation: 'private' },
    ]);
    expect(rights(root.at('disk'))).toBe('755 0:0');
  });

  it.each<[object, string]>([
    [
      { csi: { driver: 'x', volumeHandle: 'y' } },
      'persistentvolume "pv-1": only hostPath, local and nfs are supported',
    ],
    [{ hostPath: { path: '/nowhere', type: 'Directory' } }, '/nowhere is not a directory'],
    [{ local: { path: '/nowhere' } }, 'ENOENT'],
    [
      { accessModes: [] },
      'MountVolume.SetUp failed for volume "data" : pod has unbound immediate PersistentVolumeClaims',
    ],
  ])('%j is an error', async (source, message) => {
    provide(source);
    await expect(prepare([claimed()])).rejects.toThrow(message);
  });

  it('that is not there is an error', async () => {
    await expect(prepare([claimed()])).rejects.toThrow(
      'MountVolume.SetUp failed for volume "data" : persistentvolumeclaim "data" not found',
    );
  });
});
