import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../agent/objects/types.ts';
import type { PodDeps } from '../../../agent/pods/deps.ts';
import { messageOf } from '../../../cni/index.ts';
import { sandboxFor } from '../../../agent/pods/start-sandbox.ts';
import { container, pod } from './fixtures.ts';

const never = new AbortController().signal;
const actions = {
  ...{ replace: false, finished: false, createSandbox: 0, sandboxId: undefined },
  ...{ stopSandboxes: [], killContainers: [], startContainers: [], backingOff: [], removeContainers: [], resizes: [] },
};

/** Asks for the sandbox of a pod where none may be made: the runtime is not even there. */
async function refused(desired: Pod, runtimeHandler?: PodDeps['runtimeHandler']): Promise<readonly string[]> {
  const events: string[] = [];
  const deps = {
    clusterDomain: 'cluster.local',
    identityFiles: { write: () => Promise.resolve() },
    events: { event: (...[, type, reason, message]: string[]) => events.push(`${type} ${reason} ${message}`) },
    ...(runtimeHandler === undefined ? {} : { runtimeHandler }),
  } as unknown as PodDeps;
  const failure = sandboxFor(deps, desired, actions as unknown as Parameters<typeof sandboxFor>[2], [], never);
  const message = await failure.then(
    () => 'made',
    (error: unknown) => messageOf(error),
  );
  return [...events, message];
}

const failure = (why: string): readonly string[] => [
  `Warning FailedCreatePodSandBox Failed to create pod sandbox: ${why}`,
  `Failed to create pod sandbox: ${why}`,
];

describe('no sandbox is made for a pod', () => {
  const claims = { resources: { claims: [{ name: 'gpu' }] } } as object;
  const rules = { restartPolicyRules: [{ action: 'RestartAllContainers' }] } as object;
  const devices = { volumeDevices: [{ name: 'disk', devicePath: '/dev/disk' }] } as object;

  it.each<[string, Partial<Pod['spec']>]>([
    ['spec.resourceClaims', { resourceClaims: [{ name: 'gpu' }] }],
    ['spec.containers[0].resources.claims', { containers: [container('app', claims)] }],
    ['spec.initContainers[0].volumeDevices', { initContainers: [container('init', devices)] }],
    ['spec.containers[0].restartPolicyRules[0].action', { containers: [container('app', rules)] }],
  ])('with %s', async (path, spec) => {
    expect(await refused(pod(spec))).toEqual(failure(`${path}: not supported yet`));
  });

  it('with a runtime class that cannot be had', async () => {
    const lost = (): Promise<never> => Promise.reject(new Error('RuntimeClass "x" not found'));
    expect(await refused(pod({ runtimeClassName: 'x' }), lost)).toEqual(failure('RuntimeClass "x" not found'));
  });
});
