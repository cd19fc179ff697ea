import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit } from '../../../agent/admission/admit.ts';
import { nodeLabels } from '../../../agent/admission/node-labels.ts';
import type { AdmissionNode, Refusal } from '../../../agent/admission/types.ts';
import type { Container, Pod, PodSpec } from '../../../agent/objects/types.ts';
import { container, pod } from '../pods/fixtures.ts';

const GiB = 1024 ** 3;
const node: AdmissionNode = {
  name: 'node',
  os: 'linux',
  labels: { ...nodeLabels('node', 'x64', { zone: 'b', cores: '8' }) },
  taints: [
    { key: 'gone', value: 'yes', effect: 'NoExecute' },
    { key: 'full', effect: 'NoSchedule' },
  ],
  allocatable: {
    cpuMillis: 2000,
    memoryBytes: 4 * GiB,
    ephemeralStorageBytes: 10 * GiB,
    pods: 3,
    pids: 1000,
    hugepages: { 'hugepages-2Mi': 4 * 1024 ** 2 },
  },
};

/** A pod of an API server that tolerates the node's taint. */
const bound = (spec: Partial<PodSpec> = {}): Pod => pod({ tolerations: [{ operator: 'Exists' }], ...spec });
const asking = (requests: Record<string, string>): Pod =>
  bound({ containers: [container('app', { resources: { requests } })] });
const onPort = (hostPort: number, extra: Partial<Container['ports'][number]> = {}): Pod =>
  bound({ containers: [container('app', { ports: [{ containerPort: 80, hostPort, protocol: 'TCP', ...extra }] })] });

const predicate = (name: string, why: string): Refusal => ({
  reason: name,
  message: `Predicate ${name} failed: node(s) ${why}`,
});
const affinity = predicate('NodeAffinity', "didn't match Pod's node affinity/selector");
const ports = predicate('NodePorts', "didn't have free ports for the requested pod ports");
const taints = predicate('TaintToleration', "had taints that the pod didn't tolerate");

function short(resource: string, requested: number, used: number, capacity: number): Refusal {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, ${amounts}` };
}

describe('resources', () => {
  test.each<[string, Pod, readonly Pod[], Refusal | undefined]>([
    [
      'what fits',
      asking({ cpu: '2', memory: '4Gi', 'ephemeral-storage': '10Gi', 'hugepages-2Mi': '4Mi' }),
      [],
      undefined,
    ],
    ['too much CPU', asking({ cpu: '3' }), [], short('cpu', 3000, 0, 2000)],
    ['CPU that others have', asking({ cpu: '1' }), [asking({ cpu: '1500m' })], short('cpu', 1000, 1500, 2000)],
    ['too much memory', asking({ memory: '5Gi' }), [], short('memory', 5 * GiB, 0, 4 * GiB)],
    [
      'too much storage',
      asking({ 'ephemeral-storage': '11Gi' }),
      [],
      short('ephemeral-storage', 11 * GiB, 0, 10 * GiB),
    ],
    [
      'huge pages that are gone',
      asking({ 'hugepages-2Mi': '2Mi' }),
      [asking({ 'hugepages-2Mi': '4Mi' })],
      short('hugepages-2Mi', 2 * 1024 ** 2, 4 * 1024 ** 2, 4 * 1024 ** 2),
    ],
    ['huge pages that never were', asking({ 'hugepages-1Gi': '1Gi' }), [], short('hugepages-1Gi', GiB, 0, 0)],
    ['one pod too many, before all else', asking({ cpu: '9' }), [bound(), bound(), bound()], short('pods', 1, 3, 3)],
    ['nothing, on a node that has given away too much', bound(), [asking({ cpu: '9' })], undefined],
    ['a resource that the node does not know', asking({ 'example.com/gpu': '1' }), [], undefined],
  ])('%s', (_, one, others, expected) => {
    expect(admit(one, others, node)).toEqual(expected);
  });
});

describe('host ports', () => {
  test.each<[string, Pod, Pod, Refusal | undefined]>([
    ['another port', onPort(80), onPort(81), undefined],
    ['the same', onPort(80), onPort(80), ports],
    ['another protocol', onPort(80), onPort(80, { protocol: 'UDP' }), undefined],
    ['another address', onPort(80, { hostIP: '192.0.2.1' }), onPort(80, { hostIP: '192.0.2.2' }), undefined],
    ['the same address', onPort(80, { hostIP: '192.0.2.1' }), onPort(80, { hostIP: '192.0.2.1' }), ports],
    ['one on all addresses', onPort(80, { hostIP: '192.0.2.1' }), onPort(80), ports],
    ['all on one that is taken', onPort(80, { hostIP: '0.0.0.0' }), onPort(80, { hostIP: '192.0.2.1' }), ports],
    [
      'no host port',
      bound({ containers: [container('app', { ports: [{ containerPort: 80, protocol: 'TCP' }] })] }),
      onPort(80),
      undefined,
    ],
    [
      "a sidecar's",
      bound({
        initContainers: [
          container('s', { restartPolicy: 'Always', ports: [{ containerPort: 1, hostPort: 80, protocol: 'TCP' }] }),
        ],
      }),
      onPort(80),
      ports,
    ],
    [
      "an init container's",
      bound({ initContainers: [container('i', { ports: [{ containerPort: 1, hostPort: 80, protocol: 'TCP' }] })] }),
      onPort(80),
      undefined,
    ],
  ])('%s', (_, one, other, expected) => {
    expect(admit(one, [other], node)).toEqual(expected);
  });
});

type Requirement = readonly [key: string, operator: string, ...values: string[]];

function required(
  terms: readonly { readonly labels?: readonly Requirement[]; readonly fields?: readonly Requirement[] }[],
): Pod {
  const list = (items: readonly Requirement[] = []): { key: string; operator: 'In'; values: string[] }[] =>
    items.map(([key, operator, ...values]) => ({ key, operator: operator as 'In', values }));
  const nodeSelectorTerms = terms.map(({ labels, fields }) => ({
    matchExpressions: list(labels),
    matchFields: list(fields),
  }));
  return bound({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
  });
}

describe('node affinity', () => {
  test.each<[boolean, Record<string, string>]>([
    [true, { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'kubernetes.io/hostname': 'node', zone: 'b' }],
    [false, { zone: 'c' }],
    [false, { toString: 'x' }],
  ])('%s: selector %j', (matches, nodeSelector) => {
    expect(admit(bound({ nodeSelector }), [], node)).toEqual(matches ? undefined : affinity);
  });

  test.each<[boolean, Requirement]>([
    [true, ['zone', 'In', 'a', 'b']],
    [false, ['zone', 'In', 'a']],
    [false, ['none', 'In', 'a']],
    [true, ['zone', 'NotIn', 'a']],
    [false, ['zone', 'NotIn', 'b']],
    [true, ['none', 'NotIn', 'a']],
    [true, ['zone', 'Exists']],
    [false, ['none', 'Exists']],
    [true, ['none', 'DoesNotExist']],
    [false, ['zone', 'DoesNotExist']],
    [true, ['cores', 'Gt', '7']],
    [false, ['cores', 'Gt', '8']],
    [true, ['cores', 'Lt', '10']],
    [false, ['zone', 'Lt', '10']],
    [false, ['cores', 'Lt', 'x']],
    [false, ['cores', 'Lt', '9', '10']],
    [false, ['zone', 'Like', 'b']],
  ])('%s: label %j', (matches, requirement) => {
    expect(admit(required([{ labels: [requirement] }]), [], node)).toEqual(matches ? undefined : affinity);
  });

  test.each<[boolean, Requirement]>([
    [true, ['metadata.name', 'In', 'node']],
    [false, ['metadata.name', 'In', 'other']],
    [true, ['metadata.name', 'NotIn', 'other']],
    [false, ['metadata.name', 'NotIn', 'node']],
    [false, ['metadata.name', 'In', 'node', 'other']],
    [false, ['metadata.uid', 'In', 'node']],
  ])('%s: field %j', (matches, requirement) => {
    expect(admit(required([{ fields: [requirement] }]), [], node)).toEqual(matches ? undefined : affinity);
  });

  test('one term of many is enough, a term without requirements is none, all of a term must hold', () => {
    const matching = { labels: [['zone', 'In', 'b']] } as const;
    const other = { labels: [['zone', 'In', 'c']] } as const;
    expect(admit(required([other, matching]), [], node)).toBe(undefined);
    expect(admit(required([{}]), [], node)).toEqual(affinity);
    expect(admit(required([]), [], node)).toEqual(affinity);
    expect(admit(required([{ labels: [...matching.labels, ...other.labels] }]), [], node)).toEqual(affinity);
    expect(admit(required([{ ...matching, fields: [['metadata.name', 'In', 'x']] }]), [], node)).toEqual(affinity);
  });
});

describe('the node', () => {
  const tolerating = (...tolerations: NonNullable<PodSpec['tolerations']>): Pod => bound({ tolerations });

  test.each<[string, Pod, Refusal | undefined]>([
    ['of another name', bound({ nodeName: 'other' }), predicate('NodeName', "didn't match the requested node name")],
    ['of no name', bound({ nodeName: '' }), undefined],
    ['with a taint', tolerating(), taints],
    ['with a taint that is tolerated', tolerating({ key: 'gone', value: 'yes' }), undefined],
    ['with a taint of any value', tolerating({ key: 'gone', operator: 'Exists', effect: 'NoExecute' }), undefined],
    ['with a taint of another value', tolerating({ key: 'gone', value: 'no' }), taints],
    ['with a taint of another effect', tolerating({ operator: 'Exists', effect: 'NoSchedule' }), taints],
    ['for a static pod', pod({}, { 'kubernetes.io/config.source': 'file' }), undefined],
    [
      'of another OS',
      bound({ os: { name: 'windows' } }),
      { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" },
    ],
    ['of the same OS', bound({ os: { name: 'linux' } }), undefined],
  ])('%s', (_, one, expected) => {
    expect(admit(one, [], node)).toEqual(expected);
  });

  test('of another OS than the label of the pod, before all else', () => {
    const one = asking({ cpu: '9' });
    one.metadata.labels = { 'kubernetes.io/os': 'windows' };
    expect(admit(one, [], node)).toEqual({
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    });
  });
});

const anyPod = fc
  .record({
    cpu: fc.integer({ min: 0, max: 1500 }),
    memory: fc.integer({ min: 0, max: 3 }),
    hostPort: fc.option(fc.integer({ min: 1, max: 4 })),
    hostIP: fc.constantFrom('', '0.0.0.0', '192.0.2.1', '192.0.2.2'),
    zone: fc.option(fc.constantFrom('b', 'c')),
  })
  .map(({ cpu, memory, hostPort, hostIP, zone }) =>
    bound({
      ...(zone === null ? {} : { nodeSelector: { zone } }),
      containers: [
        container('app', {
          resources: { requests: { cpu: `${cpu}m`, memory: `${memory}Gi` } },
          ports: hostPort === null ? [] : [{ containerPort: 80, hostPort, hostIP, protocol: 'TCP' }],
        }),
      ],
    }),
  );

test('fewer others never turn admission into refusal', () => {
  fc.assert(
    fc.property(anyPod, fc.array(fc.tuple(anyPod, fc.boolean()), { maxLength: 3 }), (one, others) => {
      const all = others.map(([other]) => other);
      const some = others.filter(([, stays]) => stays).map(([other]) => other);
      if (admit(one, all, node) === undefined) expect(admit(one, some, node)).toBe(undefined);
    }),
  );
});

test('pods that were admitted one after the other never request more than there is', () => {
  fc.assert(
    fc.property(fc.array(anyPod, { maxLength: 6 }), (pods) => {
      const admitted = pods.reduce<readonly Pod[]>((some, one) => (admit(one, some, node) ? some : [...some, one]), []);
      const cpu = admitted.map(({ spec }) => parseInt(String(spec.containers[0]?.resources.requests?.['cpu'])));
      expect(cpu.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(2000);
      expect(admitted.length).toBeLessThanOrEqual(3);
    }),
  );
});
