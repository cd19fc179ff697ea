import { describe, expect, test } from 'vitest';
import { readyCondition, withTimes } from '../../../../agent/node/api/conditions.ts';
import { type NodeStatus, renderNode, renderNodeStatus } from '../../../../agent/node/api/render.ts';
import {
  adoptionPatch,
  mustReport,
  nodeStatusPatch,
  withForeignResources,
} from '../../../../agent/node/api/status-plan.ts';

const resources = {
  ...{ cpuMillis: 2000, memoryBytes: 4_294_967_296, ephemeralStorageBytes: 1_000_000, pods: 110, pids: 1000 },
  hugepages: { 'hugepages-2Mi': 0 },
};
const systemInfo = {
  ...{ machineID: 'm', systemUUID: 's', bootID: 'b', kernelVersion: '6', osImage: 'Debian', operatingSystem: 'linux' },
  ...{ architecture: 'amd64', kubeletVersion: 'v1', kubeProxyVersion: 'v1', containerRuntimeVersion: 'docker://20' },
};
const facts = {
  addresses: ['192.0.2.1', '2001:db8::1'],
  hostname: 'n1',
  capacity: resources,
  allocatable: { ...resources, cpuMillis: 1850 },
  systemInfo,
  images: [
    { names: ['small'], sizeBytes: 1 },
    { names: ['1', '2', '3', '4', '5', '6'], sizeBytes: 9 },
  ],
  port: 10250,
};
const then = '2026-01-01T00:00:00Z';
const now = '2026-01-01T00:05:00Z';
const ready = (problems: readonly string[], at: string, before: NodeStatus['conditions'] = []): NodeStatus =>
  renderNodeStatus(facts, withTimes([readyCondition({ problems })], before ?? [], at));

describe('a status', () => {
  test('has the quantities, addresses and images as a kubelet has them', () => {
    expect(renderNodeStatus(facts, [])).toEqual({
      capacity: { cpu: '2', memory: '4194304Ki', 'ephemeral-storage': '1000000', 'hugepages-2Mi': '0', pods: '110' },
      allocatable: {
        ...{ cpu: '1850m', memory: '4194304Ki', 'ephemeral-storage': '1000000', 'hugepages-2Mi': '0', pods: '110' },
      },
      conditions: [],
      addresses: [
        { type: 'InternalIP', address: '192.0.2.1' },
        { type: 'InternalIP', address: '2001:db8::1' },
        { type: 'Hostname', address: 'n1' },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      nodeInfo: systemInfo,
      images: [
        { names: ['1', '2', '3', '4', '5'], sizeBytes: 9 },
        { names: ['small'], sizeBytes: 1 },
      ],
    });
  });

  test('a condition keeps the time of its last transition, and those of others stay', () => {
    const others = { type: 'KernelDeadlock', status: 'False' };
    const first = withTimes([readyCondition({ problems: [] })], [others], then);
    const same = withTimes([readyCondition({ problems: [] })], first, now);
    const turned = withTimes([readyCondition({ problems: ['no network', 'no runtime'] })], same, now);
    expect(same).toEqual([
      others,
      {
        ...{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' },
        ...{ lastHeartbeatTime: now, lastTransitionTime: then },
      },
    ]);
    expect(turned[1]).toMatchObject({
      ...{ status: 'False', reason: 'KubeletNotReady', message: '[no network, no runtime]', lastTransitionTime: now },
    });
  });
});

describe('a report', () => {
  test.each([
    ['of what the server does not have', undefined, ready([], now), 0, true],
    ['of a heartbeat alone', ready([], then), ready([], now), 0, false],
    ['of a heartbeat that is due', ready([], then), ready([], now), 300_000, true],
    ['of a heartbeat under a clock that was set back', ready([], now), ready([], then), -1, true],
    ['of a change', ready([], then), ready(['no network'], now), 0, true],
  ])('%s', (_, before, next, sinceMs, expected) => {
    expect(mustReport(before, next, sinceMs, 300_000)).toBe(expected);
  });

  test('sends what changed, and the conditions', () => {
    const before = ready([], then);
    expect(nodeStatusPatch(before, ready([], now, before.conditions))).toEqual({
      status: { conditions: [expect.objectContaining({ lastHeartbeatTime: now, lastTransitionTime: then })] },
    });
    const moved = { ...before, addresses: [{ type: 'InternalIP', address: '192.0.2.9' }] };
    expect(nodeStatusPatch(moved, before)).toEqual({
      status: {
        conditions: before.conditions,
        addresses: [{ $patch: 'replace' }, ...(before.addresses ?? [])],
      },
    });
  });
});

describe('resources that somebody else has added', () => {
  const added = { 'example.com/dongle': '3' };
  const own = ready([], then);
  const withDongle = { ...own, capacity: { ...own.capacity, ...added, 'hugepages-1Gi': '0' } };

  test('stay, and can be allocated; huge pages of a size that is gone do not', () => {
    expect(withForeignResources(own, withDongle)).toEqual({
      ...own,
      capacity: { ...own.capacity, ...added },
      allocatable: { ...own.allocatable, ...added },
    });
  });

  test('are no change of their own', () => {
    const told = withForeignResources(own, withDongle);
    expect(mustReport(told, withForeignResources(own, told), 0, 300_000)).toBe(false);
  });

  test('go from what can be allocated when they are taken from the capacity', () => {
    const before = { ...own, allocatable: { ...own.allocatable, ...added } };
    expect(nodeStatusPatch(before, withForeignResources(own, before))).toEqual({
      status: { conditions: own.conditions, allocatable: { ...own.allocatable, 'example.com/dongle': null } },
    });
  });
});

describe('registration', () => {
  const identity = { name: 'n1', labels: { 'kubernetes.io/os': 'linux' }, taints: [], providerId: undefined };

  test('makes a Node that controllers may attach volumes to', () => {
    expect(renderNode(identity, {})).toEqual({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: 'n1',
        labels: { 'kubernetes.io/os': 'linux' },
        annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
      },
      spec: {},
      status: {},
    });
  });

  test('of a Node that is there sets only the labels that a kubelet keeps', () => {
    const labels = { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', tier: 'front' };
    expect(adoptionPatch(labels, { 'kubernetes.io/os': 'linux', tier: 'back' })).toEqual({
      metadata: { labels: { 'kubernetes.io/arch': 'amd64' } },
    });
    expect(adoptionPatch(labels, labels)).toBeUndefined();
  });
});
