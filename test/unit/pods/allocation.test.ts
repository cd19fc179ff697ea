import { describe, expect, test } from 'vitest';
import type { ResizeRefusal } from '../../../agent/admission/resize.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { allocate } from '../../../agent/pods/allocate.ts';
import { type Allocation, allocationOf, resizeStep, withAllocation } from '../../../agent/pods/allocation.ts';
import { createPodRecord } from '../../../agent/pods/pod-record.ts';
import { container, pod } from './fixtures.ts';

const cpu = (amount: string) => ({ requests: { cpu: amount } });
const wanting = (app: string, image = 'registry.test/app:1'): Pod => {
  const made = pod({
    containers: [container('app', { resources: cpu(app), image })],
    initContainers: [container('side', { resources: cpu('1'), restartPolicy: 'Always' })],
  });
  return { ...made, metadata: { ...made.metadata, generation: 7 } };
};
const refusal: ResizeRefusal = { reason: 'Deferred', message: 'no room' };

describe('resizeStep', () => {
  const [small, large] = [allocationOf(wanting('1')), allocationOf(wanting('2'))];
  test.each<readonly [string, Allocation | undefined, ResizeRefusal | undefined, ReturnType<typeof resizeStep>]>([
    ['what nobody knows is granted, fit or not', undefined, refusal, { kind: 'unchanged', allocation: large }],
    ['what was granted is not judged again', large, refusal, { kind: 'unchanged', allocation: large }],
    ['what fits is granted', small, undefined, { kind: 'granted', allocation: large }],
    ['what does not fit waits', small, refusal, { kind: 'pending', refusal }],
  ] as const)('%s', (_, granted, answer, expected) => {
    expect(resizeStep(wanting('2'), granted, () => answer)).toEqual(expected);
  });
});

describe('a pod with what it was granted', () => {
  test('has other resources, and all else that is asked for', () => {
    const granted = allocationOf(wanting('1'));
    expect(withAllocation(wanting('2', 'registry.test/app:2'), granted)).toEqual(wanting('1', 'registry.test/app:2'));
  });

  test('is the same object when nothing differs, also after its allocation was written down', () => {
    const desired = wanting('2');
    const kept = JSON.parse(JSON.stringify(allocationOf(desired))) as Allocation;
    expect([withAllocation(desired, kept), withAllocation(desired, undefined)].map((one) => one === desired)).toEqual([
      true,
      true,
    ]);
  });

  test('has the resources of the pod level that it was granted, or none', () => {
    const whole = pod({ resources: cpu('2') });
    expect(withAllocation(whole, { ...allocationOf(whole), pod: cpu('1') })).toEqual(pod({ resources: cpu('1') }));
    expect(withAllocation(whole, allocationOf(pod()))).toEqual(pod());
  });
});

describe('allocate', () => {
  /** A pod that was granted one CPU and asks for two, on a node that answers so. */
  function resized() {
    const said: string[] = [];
    const answer = { refusal: undefined as ResizeRefusal | undefined };
    const record = createPodRecord({ name: 'web-node', namespace: 'default', uid: 'u1' }, wanting('1'));
    const deps = {
      refuseResize: () => answer.refusal,
      events: { event: (_: unknown, ...rest: readonly string[]) => void said.push(rest.join(' ')) },
    };
    allocate(deps, record);
    record.desired = wanting('2');
    return { said, answer, record, run: () => allocate(deps, record) };
  }
  const resources =
    '"initContainers":[{"name":"side","resources":{"requests":{"cpu":"1"}}}],' +
    '"containers":[{"name":"app","resources":{"requests":{"cpu":"2"}}}],"generation":7';

  test('grants what the node has', () => {
    const { said, record, run } = resized();
    run();
    expect([record.pod, record.pendingResize, record.grantedGeneration]).toEqual([wanting('2'), undefined, 7]);
    expect(said).toEqual([`Normal ResizeStarted Pod resize started: {${resources}}`]);
  });

  test('leaves the pod as it is while the node has no room, and tells it once', () => {
    const { said, answer, record, run } = resized();
    answer.refusal = refusal;
    run();
    answer.refusal = { ...refusal, message: 'still no room' };
    run();
    expect([record.pod, record.pendingResize]).toEqual([wanting('1'), answer.refusal]);
    expect(said).toEqual([`Warning ResizeDeferred Pod resize Deferred: {${resources},"error":"no room"}`]);
    answer.refusal = { reason: 'Infeasible', message: 'never' };
    run();
    expect(said[1]).toMatch(/^Warning ResizeInfeasible Pod resize Infeasible: /);
    record.desired = wanting('1');
    run();
    expect([record.pendingResize, said.length]).toEqual([undefined, 2]);
  });

  test('does nothing for a pod that is over', () => {
    const { said, record, run } = resized();
    record.status = { phase: 'Failed' };
    run();
    expect([record.pod, said]).toEqual([wanting('1'), []]);
  });
});
