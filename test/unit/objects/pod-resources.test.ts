import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { podLimits, podRequests } from '../../../agent/objects/pod-resources.ts';
import { qosClass } from '../../../agent/objects/qos.ts';
import { cpuMillis } from '../../../agent/objects/resource-list.ts';
import type { Container, PodSpec } from '../../../agent/objects/types.ts';
import { container, pod } from '../pods/fixtures.ts';

const cpu = (millis: number, extra: Partial<Container> = {}): Container =>
  container('c', { resources: { requests: { cpu: `${millis}m` }, limits: { cpu: `${2 * millis}m` } }, ...extra });
const sidecar = (millis: number): Container => cpu(millis, { restartPolicy: 'Always' });

describe('CPU of a pod, in thousandths', () => {
  test.each<[string, Partial<PodSpec>, number, number]>([
    ['its containers together', { containers: [cpu(100), cpu(200)] }, 300, 600],
    ['a greedier init container', { containers: [cpu(100)], initContainers: [cpu(500), cpu(50)] }, 500, 1000],
    [
      'sidecars beside the containers',
      { containers: [cpu(100)], initContainers: [sidecar(50), sidecar(25)] },
      175,
      350,
    ],
    [
      'an init container beside the sidecars before it',
      { containers: [cpu(100)], initContainers: [sidecar(50), cpu(200), sidecar(25)] },
      250,
      500,
    ],
    [
      'an init container before the sidecar',
      { containers: [cpu(10)], initContainers: [cpu(200), sidecar(50)] },
      200,
      400,
    ],
    [
      'the pod level instead',
      { containers: [cpu(100)], resources: { requests: { cpu: '1' }, limits: { cpu: '3' } } },
      1000,
      3000,
    ],
    [
      'a limit of the pod level over requests of containers',
      { containers: [cpu(100)], resources: { limits: { cpu: '3' } } },
      100,
      3000,
    ],
    ['a limit of the pod level alone', { resources: { limits: { cpu: '3' } } }, 3000, 3000],
    ['overhead, where there is a limit', { containers: [cpu(100)], overhead: { cpu: '5m' } }, 105, 205],
    ['overhead alone', { overhead: { cpu: '5m' } }, 5, 0],
  ])('%s', (_, spec, requests, limits) => {
    expect([cpuMillis(podRequests(pod(spec))), cpuMillis(podLimits(pod(spec)))]).toEqual([requests, limits]);
  });
});

test('one more container never makes a pod request less', () => {
  const any = fc
    .record({ millis: fc.nat({ max: 1000 }), isSidecar: fc.boolean() })
    .map(({ millis, isSidecar }) => (isSidecar ? sidecar(millis) : cpu(millis)));
  fc.assert(
    fc.property(fc.array(any, { maxLength: 5 }), any, fc.nat({ max: 5 }), (initContainers, more, at) => {
      const before = podRequests(pod({ initContainers }));
      const after = podRequests(pod({ initContainers: initContainers.toSpliced(at, 0, more) }));
      expect(cpuMillis(after)).toBeGreaterThanOrEqual(cpuMillis(before));
    }),
  );
});

describe('quality of service', () => {
  const full = { cpu: '1', memory: '1Gi' };
  test.each<[string, Partial<PodSpec>]>([
    ['BestEffort', {}],
    ['BestEffort', { containers: [container('c', { resources: { requests: { 'ephemeral-storage': '1Gi' } } })] }],
    ['Guaranteed', { resources: { requests: full, limits: full } }],
    ['Guaranteed', { resources: { limits: full } }],
    ['Burstable', { resources: { limits: { cpu: '1' } } }],
    ['Burstable', { resources: { requests: full } }],
    [
      'Burstable',
      {
        containers: [container('c', { resources: { requests: full, limits: full } })],
        initContainers: [container('i')],
      },
    ],
    ['BestEffort', { containers: [container('c', { resources: {} })], resources: {} }],
  ])('%s: %j', (expected, spec) => expect(qosClass(pod(spec))).toBe(expected));
});
