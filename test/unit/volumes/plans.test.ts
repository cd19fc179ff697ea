import { describe, expect, it } from 'vitest';
import type { Volume, VolumeMount } from '../../../agent/objects/types.ts';
import { memorySize } from '../../../agent/volumes/empty-dir-plan.ts';
import { planMounts } from '../../../agent/volumes/mounts-plan.ts';
import { planTeardown } from '../../../agent/volumes/teardown-plan.ts';
import { containerDir, emptyDirPath, etcHostsFile, podDir } from '../../../agent/volumes/paths.ts';
import { container, pod } from './pods.ts';

const MiB = 2 ** 20;
const node = 1024 * MiB;

describe('memorySize', () => {
  const limited = (memory: string, restartPolicy?: 'Always') =>
    container({ memory, ...(restartPolicy === undefined ? {} : { restartPolicy }) });
  const cases: [string, NonNullable<Volume['emptyDir']>, Parameters<typeof pod>[1], number][] = [
    ['no limit: the node', {}, {}, 1024],
    ['the volume', { sizeLimit: '10Mi' }, {}, 10],
    ['a volume limit as a number', { sizeLimit: 10 * MiB }, {}, 10],
    ['a volume limit beyond the node', { sizeLimit: '10Gi' }, {}, 1024],
    ['a volume limit of 0 is none', { sizeLimit: '0' }, {}, 1024],
    ['the pod', { sizeLimit: '100Mi' }, { containers: [limited('20Mi'), limited('30Mi')] }, 50],
    ['a container without a limit', {}, { containers: [limited('20Mi'), container()] }, 1024],
    ['a larger init container', {}, { initContainers: [limited('70Mi')], containers: [limited('20Mi')] }, 70],
    ['a sidecar', {}, { initContainers: [limited('5Mi', 'Always'), limited('8Mi')], containers: [limited('7Mi')] }, 13],
    ['a sidecar beside the app', {}, { initContainers: [limited('5Mi', 'Always')], containers: [limited('7Mi')] }, 12],
  ];
  it.each(cases)('%s', (_, source, spec, mebibytes) => {
    expect(memorySize(source, pod([], spec), node)).toBe(mebibytes * MiB);
  });
});

describe('planMounts', () => {
  const volumes = new Map([
    ['data', { hostPath: '/host/data', readOnly: false }],
    ['config', { hostPath: '/host/config', readOnly: true }],
  ]);
  const env = new Map([
    ['POD', 'web-1'],
    ['EMPTY', ''],
    ['UP', '../..'],
    ['ROOT', '/etc'],
  ]);
  const plan = (overrides: Partial<VolumeMount>, recursiveReadOnly = true) =>
    planMounts(container({ mounts: [{ name: 'data', mountPath: '/data', ...overrides }] }), volumes, {
      env,
      recursiveReadOnly,
    })[0];
  const plain = { hostPath: '/host/data', readOnly: false, propagation: 'private', containerPath: '/data' };

  it.each<[Partial<VolumeMount>, object]>([
    [{}, {}],
    [{ readOnly: true }, { readOnly: true }],
    [{ mountPropagation: 'None' }, {}],
    [{ mountPropagation: 'HostToContainer' }, { propagation: 'rslave' }],
    [{ mountPropagation: 'Bidirectional' }, { propagation: 'rshared' }],
    [{ mountPath: 'a/b' }, { containerPath: '/a/b' }],
    [{ name: 'config' }, { hostPath: '/host/config', readOnly: true }],
    [{ recursiveReadOnly: 'Disabled' }, {}],
    [
      { readOnly: true, recursiveReadOnly: 'IfPossible' },
      { readOnly: true, recursiveReadOnly: true },
    ],
    [
      { readOnly: true, recursiveReadOnly: 'Enabled' },
      { readOnly: true, recursiveReadOnly: true },
    ],
  ])('%j', (overrides, expected) => {
    expect(plan(overrides)).toEqual({
      mount: { ...plain, ...expected },
      volume: overrides.name ?? 'data',
      index: 0,
      subPath: undefined,
    });
  });

  it('IfPossible is plain read-only where the runtime cannot do more', () => {
    expect(plan({ readOnly: true, recursiveReadOnly: 'IfPossible' }, false)?.mount).toEqual({
      ...plain,
      readOnly: true,
    });
  });

  it.each<[Partial<VolumeMount>, string | undefined]>([
    [{ subPath: '' }, undefined],
    [{ subPath: 'a/b' }, 'a/b'],
    [{ subPath: '$(POD)' }, '$(POD)'],
    [{ subPathExpr: 'logs/$(POD)' }, 'logs/web-1'],
    [{ subPathExpr: '$$(POD)/$(POD)$' }, '$(POD)/web-1$'],
  ])('%j mounts the part %j', (overrides, subPath) => {
    expect(plan(overrides)?.subPath).toBe(subPath);
  });

  it('keeps the order, also of one volume that is mounted twice', () => {
    const mounts = [
      { name: 'data', mountPath: '/b' },
      { name: 'data', mountPath: '/a' },
    ];
    const planned = planMounts(container({ mounts }), volumes, { env, recursiveReadOnly: false });
    expect(planned.map(({ mount, index }) => [mount.containerPath, index])).toEqual([
      ['/b', 0],
      ['/a', 1],
    ]);
  });

  it.each<[object, string]>([
    [{ name: 'none' }, 'container "app": volumeMount of "none": the pod has no volume of this name'],
    [{ mountPropagation: 'Sideways' }, 'container "app": volumeMount of "data": unknown mountPropagation Sideways'],
    [{ subPathExpr: '$(NONE)/$(EMPTY)/$(POD)' }, 'missing value for EMPTY, NONE'],
    [{ subPathExpr: 'a/$(UP)' }, "unable to provision SubPath `a/../..`: must not contain '..'"],
    [{ subPathExpr: '$(ROOT)' }, 'error SubPath `/etc` must not be an absolute path'],
    [{ recursiveReadOnly: 'Maybe' }, 'unknown recursive read-only mode "Maybe"'],
    [{ recursiveReadOnly: 'Enabled' }, 'volume "data" requested recursive read-only mode, but it is not read-only'],
    [
      { recursiveReadOnly: 'IfPossible', readOnly: true, mountPropagation: 'HostToContainer' },
      'volume "data" requested recursive read-only mode, but it is not compatible with propagation "HostToContainer"',
    ],
  ])('%j is refused', (overrides, message) => {
    expect(() => plan(overrides)).toThrow(new Error(message));
  });

  it('Enabled is refused where the runtime cannot', () => {
    expect(() => plan({ readOnly: true, recursiveReadOnly: 'Enabled' }, false)).toThrow(
      new Error('volume "data" requested recursive read-only mode, but it is not supported by the runtime'),
    );
  });
});

describe('planTeardown', () => {
  const mount = (mountPoint: string, fsType = 'ext4') => ({ mountPoint, fsType });
  const at = (path: string, fsType?: string) => mount(`/r/pods/u/${path}`, fsType);
  const paths = (mounts: readonly string[]) => mounts.map((path) => path.replace('/r/pods/u/', ''));

  it('takes binds off before volumes, and each last made first', () => {
    const plan = planTeardown(
      [
        mount('/'),
        mount('/r/pods/other/volumes/kubernetes.io~secret/s', 'tmpfs'),
        at('volumes/kubernetes.io~secret/s', 'tmpfs'),
        at('volume-subpaths/s/app/0', 'tmpfs'),
        at('volumes/kubernetes.io~empty-dir/m', 'tmpfs'),
        at('volumes/kubernetes.io~projected/p', 'tmpfs'),
        at('volumes/kubernetes.io~downward-api/d', 'tmpfs'),
        at('volumes/kubernetes.io~nfs/n', 'nfs4'),
        at('volumes/kubernetes.io~local-volume/pv'),
        at('volume-subpaths/h/app/1'),
      ],
      '/r/pods/u',
    );
    expect([plan.foreign, plan.detach, paths(plan.unmount)]).toEqual([
      [],
      [],
      [
        'volume-subpaths/h/app/1',
        'volumes/kubernetes.io~local-volume/pv',
        'volume-subpaths/s/app/0',
        'volumes/kubernetes.io~nfs/n',
        'volumes/kubernetes.io~downward-api/d',
        'volumes/kubernetes.io~projected/p',
        'volumes/kubernetes.io~empty-dir/m',
        'volumes/kubernetes.io~secret/s',
      ],
    ]);
  });

  it("makes a bind private that shows the host's mounts", () => {
    const plan = planTeardown(
      [at('volume-subpaths/h/app/0'), at('volume-subpaths/h/app/0/disk'), at('volume-subpaths/h/app/0/disk/x')],
      '/r/pods/u',
    );
    expect([plan.foreign, paths(plan.detach), paths(plan.unmount)]).toEqual([
      [],
      ['volume-subpaths/h/app/0'],
      ['volume-subpaths/h/app/0/disk/x', 'volume-subpaths/h/app/0/disk', 'volume-subpaths/h/app/0'],
    ]);
  });

  it.each([
    ['', 'tmpfs'],
    ['volumes', 'tmpfs'],
    ['volumes/kubernetes.io~empty-dir/d', 'ext4'],
    ['volumes/kubernetes.io~empty-dir/d/x', 'tmpfs'],
    ['volumes/kubernetes.io~configmap/c', 'tmpfs'],
    ['volumes/kubernetes.io~nfs/n', 'ext4'],
    ['volume-subpaths/h/app', 'ext4'],
    ['volume-subpaths/h/app/x', 'ext4'],
  ])('%j as %s is not ours', (path, fsType) => {
    const found = path === '' ? mount('/r/pods/u', fsType) : at(path, fsType);
    expect(planTeardown([found], '/r/pods/u').foreign).toEqual([found]);
  });
});

describe('paths', () => {
  it("are the kubelet's", () => {
    const directory = podDir('/var/lib/kubelet', 'u1');
    expect([
      directory,
      containerDir(directory, 'app'),
      etcHostsFile(directory),
      emptyDirPath(directory, 'cache'),
    ]).toEqual([
      '/var/lib/kubelet/pods/u1',
      '/var/lib/kubelet/pods/u1/containers/app',
      '/var/lib/kubelet/pods/u1/etc-hosts',
      '/var/lib/kubelet/pods/u1/volumes/kubernetes.io~empty-dir/cache',
    ]);
  });

  it.each(['', '.', '..', '../x', 'a/b', '/etc', '.hidden', 'a\0b', 'a\nb', 'x'.repeat(254)])(
    '%j cannot leave its directory',
    (name) => {
      expect(() => podDir('/r', name)).toThrow('cannot be a directory name');
      expect(() => emptyDirPath('/r', name)).toThrow('cannot be a directory name');
      expect(() => containerDir('/r', name)).toThrow('cannot be a directory name');
    },
  );
});
