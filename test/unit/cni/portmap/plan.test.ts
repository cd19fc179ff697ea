import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachmentId, conflicts, type HostPort, isHostPort, planHostPorts } from '../../../../cni/portmap/plan.ts';
import type { CniResult, PortMapping } from '../../../../cni/spec/types.ts';

const dual: CniResult = {
  cniVersion: '1.1.0',
  ips: [{ address: '203.0.113.2/24' }, { address: '2001:DB8:1:0::2/64' }, { address: '203.0.113.9/24' }],
};
const mapping = (hostIp: string): PortMapping => ({ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp });
const v4 = { family: 4, podIp: '203.0.113.2', podNet: '203.0.113.0/24' } as const;
const v6 = { family: 6, podIp: '2001:db8:1::2', podNet: '2001:db8:1::/64' } as const;
const common = { protocol: 'tcp', hostPort: 8080, containerPort: 80 } as const;

describe('host ports', () => {
  test.each<[string, readonly HostPort[]]>([
    ['', [v4, v6].map((pod) => ({ ...common, ...pod, hostIp: undefined }))],
    ['0.0.0.0', [{ ...common, ...v4, hostIp: undefined }]],
    ['::', [{ ...common, ...v6, hostIp: undefined }]],
    ['198.51.100.1', [{ ...common, ...v4, hostIp: '198.51.100.1' }]],
    ['2001:DB8:2:0:0::1', [{ ...common, ...v6, hostIp: '2001:db8:2::1' }]],
  ])('of hostIP %j', (hostIp, expected) => {
    expect(planHostPorts([mapping(hostIp)], dual)).toEqual(expected);
  });

  test('of a host address that is none are refused, not opened on all', () => {
    expect(() => planHostPorts([mapping('localhost')], dual)).toThrow(
      'portmap: hostIP "localhost" of host port 8080 is no IP address',
    );
  });

  test('that are the same twice are one; one that leads to two container ports is refused', () => {
    const one = planHostPorts([mapping('')], dual);
    expect(planHostPorts([mapping(''), mapping(''), mapping('0.0.0.0'), mapping('::')], dual)).toEqual(one);
    expect(() => planHostPorts([mapping(''), { ...mapping('0.0.0.0'), containerPort: 81 }], dual)).toThrow(
      'portmap: host port tcp/8080 leads to container ports 80 and 81 of one pod',
    );
    const beside = [mapping(''), { ...mapping('198.51.100.1'), containerPort: 81 }];
    expect(planHostPorts(beside, dual)).toHaveLength(3);
  });

  test.each([
    [{ hostPort: 0 }, 'portmap: tcp/0 to container port 80 is no host port'],
    [{ hostPort: 65_536 }, 'portmap: tcp/65536 to container port 80 is no host port'],
    [{ containerPort: 70_000 }, 'portmap: tcp/8080 to container port 70000 is no host port'],
  ])('%j is refused before it is stored', (more, message) => {
    expect(() => planHostPorts([{ ...mapping(''), ...more }], dual)).toThrow(message);
  });

  test.each<[Partial<HostPort>, Partial<HostPort>, boolean]>([
    [{}, {}, true],
    [{}, { protocol: 'udp' }, false],
    [{}, { family: 6 }, false],
    [{}, { hostPort: 81 }, false],
    [{}, { hostIp: '198.51.100.1' }, true],
    [{ hostIp: '198.51.100.1' }, { hostIp: '198.51.100.1' }, true],
    [{ hostIp: '198.51.100.1' }, { hostIp: '198.51.100.2' }, false],
  ])('%j and %j exclude one another: %j', (one, other, expected) => {
    const port: HostPort = { ...common, ...v4, hostIp: undefined };
    expect(conflicts({ ...port, ...one }, { ...port, ...other })).toBe(expected);
    expect(conflicts({ ...port, ...other }, { ...port, ...one })).toBe(expected);
  });

  test('that were planned are taken from a file again; anything else is not', () => {
    for (const port of planHostPorts([mapping(''), mapping('198.51.100.1')], dual)) {
      expect(isHostPort(JSON.parse(JSON.stringify(port)))).toBe(true);
      for (const key of ['family', 'protocol', 'hostPort', 'podIp', 'podNet', 'containerPort']) {
        expect(isHostPort({ ...port, [key]: '1 ; flush ruleset' })).toBe(false);
      }
      expect(isHostPort({ ...port, hostIp: '1 ; flush ruleset' })).toBe(false);
    }
    fc.assert(fc.property(fc.anything(), (value) => !isHostPort(value)));
  });
});

test('the ID of an attachment leaves room for the chain that is named by it', () => {
  const id = attachmentId('podwright', 'c'.repeat(64));
  expect(`PODWRIGHT-DN-${id}`).toHaveLength(28);
  expect(id).not.toBe(attachmentId('podwright', 'c'.repeat(63)));
});
