import { expect, test } from 'vitest';
import type { AdmissionNode } from '../../../agent/admission/types.ts';
import { createAdmission, createResizeAdmission } from '../../../agent/node/admission.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { container, pod } from '../pods/fixtures.ts';

const node: AdmissionNode = {
  ...{ name: 'node', os: 'linux', labels: {} },
  allocatable: {
    ...{ cpuMillis: 4000, memoryBytes: 2 ** 32, ephemeralStorageBytes: 0, pods: 9, pids: 1000, hugepages: {} },
  },
};

function asking(uid: string, cpu: string, priority = 0): Pod {
  const made = pod({ priority, containers: [container('app', { resources: { requests: { cpu } } })] });
  return { ...made, metadata: { ...made.metadata, uid } };
}

/** A node with pods, and what it ends. */
function nodeWith(...pods: readonly Pod[]) {
  const failed: unknown[] = [];
  const manager = { admitted: () => pods, fail: (...failure: readonly unknown[]) => void failed.push(failure) };
  return { failed, deps: { node: () => node, manager: () => manager } };
}

test('a pod that gives way to a critical one is the target of a disruption', () => {
  const { failed, deps } = nodeWith(asking('small', '1'), asking('large', '3'));
  const security = () => ({ apparmor: true, seccomp: true, userNamespaces: false });
  const admit = createAdmission({ ...deps, allowedUnsafeSysctls: [], security });
  expect(admit(asking('critical', '2', 2_000_000_000))).toBeUndefined();
  const failure = {
    reason: 'Preempting',
    message: 'Preempted in order to admit critical pod',
    disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
  };
  expect(failed).toEqual([['large', failure, undefined]]);
});

test('a pod that is resized has the room that it has already, and nothing ends for it', () => {
  const { failed, deps } = nodeWith(asking('small', '1'), asking('large', '3'));
  const refuse = createResizeAdmission(deps);
  expect(refuse(asking('large', '3'))).toBeUndefined();
  expect(refuse(asking('small', '2', 2_000_000_000))?.reason).toBe('Deferred');
  expect(failed).toEqual([]);
});
