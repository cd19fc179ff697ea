import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PodNetwork } from '../../../cni/index.ts';
import type { ContainerListEntry, DockerClient } from '../../../agent/runtime/docker/api.ts';
import { createObserver } from '../../../agent/runtime/docker/observer.ts';
import { encodeLabels } from '../../../agent/runtime/docker/labels.ts';

const pod = { name: 'web', namespace: 'default', uid: 'u1' };

function entry(Id: string, type: 'podsandbox' | 'container'): ContainerListEntry {
  const Labels = encodeLabels(type, pod, 'app', {}, {});
  const HostConfig = { NetworkMode: 'none' };
  return { Id, Names: [`/${Id}`], Image: 'i', ImageID: 'i', Created: 1, State: 'running', Labels, HostConfig };
}

test('Docker that stops between the list and the inspections: one rejection, and none that nobody awaits', async () => {
  const client = {
    listContainers: async () => Promise.resolve([entry('s', 'podsandbox'), entry('c', 'container')]),
    inspectContainer: async () => Promise.reject(new Error('Docker does not answer')),
  };
  // The addresses of the sandbox come later than the failure of the container.
  const network = { cached: async () => delay(20) };
  const observer = createObserver({
    client: client as unknown as DockerClient,
    network: network as unknown as PodNetwork,
  });
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    await expect(observer.podStatus('u1', AbortSignal.timeout(5_000))).rejects.toThrow('Docker does not answer');
    await delay(40);
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(unhandled).toEqual([]);
});
