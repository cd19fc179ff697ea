import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exec } from '../../../cni/index.ts';
import { ImageError } from '../../../agent/images/errors.ts';
import type { Volume } from '../../../agent/objects/types.ts';
import { imageLayers } from '../../../agent/runtime/docker/images.ts';
import { mountedImages, type VolumeImages } from '../../../agent/volumes/image.ts';
import { createPodVolumes, type PodVolumes } from '../../../agent/volumes/pod-volumes.ts';
import { container, pod, uid, volumeDeps } from '../../unit/volumes/pods.ts';
import { createRoot, isRoot, never, type Root, run } from './fixture.ts';

const id = `sha256:${'a'.repeat(64)}`;
const files: Volume = { name: 'files', image: { reference: 'data:1', pullPolicy: 'IfNotPresent' } };
const mount = { name: 'files', mountPath: '/files' };

let root: Root;
let asked: number;
beforeEach(() => {
  root = createRoot();
  asked = 0;
});
afterEach(async () => root.remove());

/** Layers as directories, the top one first; `name/` is a directory, `-name` takes away what is below. */
function makeLayers(...layers: readonly (readonly string[])[]): readonly string[] {
  return layers.map((entries, index) => {
    // What mount(8) would take for the end of a path or of an option.
    const path = root.at('docker', `layer:${index},x`);
    mkdirSync(path, { recursive: true });
    for (const entry of entries) {
      if (entry.startsWith('-')) run('mknod', join(path, entry.slice(1)), 'c', '0', '0');
      else if (entry.endsWith('/')) mkdirSync(join(path, entry));
      else writeFileSync(join(path, entry), `layer ${index}`);
    }
    return path;
  });
}

function volumesOf(layers: VolumeImages['layers'], failure?: Error): PodVolumes {
  const images: VolumeImages = {
    ensure: () => {
      asked += 1;
      return failure === undefined ? Promise.resolve({ id, tags: [], digests: [] }) : Promise.reject(failure);
    },
    layers,
  };
  return createPodVolumes({ ...volumeDeps(), rootDir: root.path, exec, images });
}

const target = (): string => root.pod('volumes', 'kubernetes.io~image', 'files');

describe.skipIf(!isRoot)('an image volume', () => {
  it('shows the layers over each other, for reading only, and is looked up once', async () => {
    const layers = makeLayers(['both', '-gone', 'dir/'], ['both', 'gone', 'low']);
    const volumes = volumesOf(() => Promise.resolve(layers));
    for (let time = 0; time < 2; time += 1) {
      const prepared = await volumes.prepare(pod([files]), never);
      expect(await prepared.mounts(container({ mounts: [mount] }), new Map(), never)).toEqual([
        { hostPath: target(), containerPath: '/files', readOnly: true, propagation: 'private' },
      ]);
    }
    expect([asked, await root.mountPoints()]).toEqual([1, [target()]]);
    expect(readdirSync(target()).sort()).toEqual(['both', 'dir', 'low']);
    expect(readFileSync(join(target(), 'both'), 'utf8')).toBe('layer 0');
    expect(() => writeFileSync(join(target(), 'new'), '')).toThrow('EROFS');
  });

  it('may have one layer, or as many as an image may have', async () => {
    for (const count of [1, 127]) {
      const layers = makeLayers(...Array.from({ length: count }, (_, index) => [`of-${index}`]));
      const volumes = volumesOf(() => Promise.resolve(layers));
      await volumes.prepare(pod([files]), never);
      expect(readdirSync(target()).length).toBe(count);
      await volumes.teardown(uid, never);
      expect([existsSync(root.pod()), readdirSync(root.at('docker')).length]).toEqual([false, count]);
    }
  });

  it('tells which images must stay, as long as it is mounted', async () => {
    const layers = makeLayers(['file']);
    const volumes = volumesOf(() => Promise.resolve(layers));
    expect(await mountedImages(root.path)).toEqual(new Set());
    await volumes.prepare(pod([files, { name: 'ram', emptyDir: { medium: 'Memory' } }]), never);
    expect(await mountedImages(root.path)).toEqual(new Set([id]));
    await volumes.teardown(uid, never);
    expect(await mountedImages(root.path)).toEqual(new Set());
  });

  it('is taken away by a daemon that did not make it', async () => {
    const layers = makeLayers(['file']);
    await volumesOf(() => Promise.resolve(layers)).prepare(pod([files]), never);
    await createPodVolumes({ ...volumeDeps(), rootDir: root.path, exec }).teardown(uid, never);
    expect([await root.mountPoints(), existsSync(root.pod())]).toEqual([[], false]);
  });
});

describe('an image that cannot be had', () => {
  it('fails the containers that mount it, with the reason of the pull', async () => {
    const failure = new ImageError('ImagePullBackOff', 'Back-off pulling image "data:1"');
    const prepared = await volumesOf(() => Promise.resolve([]), failure).prepare(pod([files]), never);
    await expect(prepared.mounts(container({ mounts: [mount] }), new Map(), never)).rejects.toBe(failure);
    expect(await prepared.mounts(container(), new Map(), never)).toEqual([]);
  });

  it.each<[string, { readonly Name: string; readonly Data: Record<string, string> | null } | undefined, string]>([
    ['another storage driver', { Name: 'btrfs', Data: null }, 'btrfs'],
    ['an image store', undefined, 'its image store'],
    ['overlay2 without directories', { Name: 'overlay2', Data: {} }, 'overlay2'],
  ])('%s is named with the field', async (_, GraphDriver, driver) => {
    const inspection = {
      Id: id,
      RepoTags: [],
      RepoDigests: [],
      Size: 0,
      ...(GraphDriver === undefined ? {} : { GraphDriver }),
    };
    const client = { inspectImage: () => Promise.resolve(inspection) };
    const volumes = volumesOf((image, signal) => imageLayers(client, image, signal));
    await expect(volumes.prepare(pod([{ name: 'a', emptyDir: {} }, files]), never)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "files" : spec.volumes[1].image: ' +
        `needs Docker with the storage driver overlay2, this one has ${driver}`,
    );
  });
});
