import { describe, expect, it } from 'vitest';
import type { Volume, VolumeMount } from '../../../agent/objects/types.ts';
import { memorySize } from '../../../agent/volumes/empty-dir-plan.ts';
import { mountsFor } from '../../../agent/volumes/mounts-plan.ts';
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

describe('mountsFor', () => {
  const volumes = new Map([['data', { hostPath: '/host/data', readOnly: false }]]);
  const mount = (overrides: Partial<VolumeMount>) =>
    mountsFor(container({ mounts: [{ name: 'data', mountPath: '/data', ...overrides }] }), volumes)[0];

  it.each([
    [{}, { readOnly: false, propagation: 'private', containerPath: '/data' }],
    [{ readOnly: true }, { readOnly: true, propagation: 'private', containerPath: '/data' }],
    [{ mountPropagation: 'None' }, { readOnly: false, propagation: 'private', containerPath: '/data' }],
    [{ mountPropagation: 'HostToContainer' }, { readOnly: false, propagation: 'rslave', containerPath: '/data' }],
    [{ mountPropagation: 'Bidirectional' }, { readOnly: false, propagation: 'rshared', containerPath: '/data' }],
    [{ mountPath: 'a/b' }, { readOnly: false, propagation: 'private', containerPath: '/a/b' }],
  ] as const)('%j', (overrides, expected) => {
    expect(mount(overrides)).toEqual({ hostPath: '/host/data', ...expected });
  });

  it('keeps the order, also of one volume that is mounted twice', () => {
    const mounts = [
      { name: 'data', mountPath: '/b' },
      { name: 'data', mountPath: '/a' },
    ];
    expect(mountsFor(container({ mounts }), volumes).map(({ containerPath }) => containerPath)).toEqual(['/b', '/a']);
  });

  it.each([
    [{ name: 'none' }, 'volumeMount of "none": the pod has no volume of this name'],
    [{ subPath: 'x' }, 'volumeMount of "data": subPath is not supported'],
    [{ subPathExpr: '$(X)' }, 'volumeMount of "data": subPath is not supported'],
    [{ mountPropagation: 'Sideways' }, 'volumeMount of "data": unknown mountPropagation Sideways'],
  ])('%j is refused', (overrides, message) => {
    expect(() => mount(overrides as Partial<VolumeMount>)).toThrow(new Error(`container "app": ${message}`));
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
