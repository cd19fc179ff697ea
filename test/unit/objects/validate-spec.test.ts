import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../agent/objects/json.ts';
import { APP, specProblems } from './spec-problems.ts';

type Row = readonly [spec: JsonObject, problems: readonly string[]];

const check = (spec: JsonObject, problems: readonly string[]): void => {
  expect(specProblems(spec)).toEqual(problems);
};

const SUBDOMAIN =
  "must be a lowercase RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends of every part";

describe('names and resolver', () => {
  const dns = (dnsConfig: JsonObject): JsonObject => ({ dnsConfig });
  const many = (count: number, text: string): string[] => Array<string>(count).fill(text);

  test.each<Row>([
    [
      { hostAliases: [{}, { ip: '192.0.2.1', hostnames: ['ok', 'not ok'] }] },
      [
        'spec.hostAliases[0].ip: Invalid value: "": must be a valid IP address',
        `spec.hostAliases[1].hostnames[1]: Invalid value: "not ok": ${SUBDOMAIN}`,
      ],
    ],
    [
      dns({ nameservers: many(4, '192.0.2.1') }),
      [
        'spec.dnsConfig.nameservers: Invalid value: ["192.0.2.1","192.0.2.1","192.0.2.1","192.0.2.1"]: must not have more than 3 nameservers',
      ],
    ],
    [
      dns({ nameservers: ['dns.example.com'] }),
      ['spec.dnsConfig.nameservers[0]: Invalid value: "dns.example.com": must be a valid IP address'],
    ],
    [dns({ searches: many(32, 'a') }), []],
    [
      dns({ searches: many(33, 'a') }),
      [
        expect.stringMatching(
          /^spec\.dnsConfig\.searches: Invalid value: \["a".*: must not have more than 32 search paths$/,
        ),
      ],
    ],
    [
      dns({
        searches: [...many(15, 'a'.repeat(127)), 'a'.repeat(129)].map(
          (name) => `${name.slice(0, 63)}.${name.slice(64, 127)}`,
        ),
      }),
      [],
    ],
    [
      dns({ searches: many(17, ['a'.repeat(63), 'b'.repeat(63)].join('.')) }),
      [
        expect.stringMatching(
          /^spec\.dnsConfig\.searches: Invalid value: .*: must not have more than 2048 characters \(including spaces\) in the search list$/,
        ),
      ],
    ],
    [
      dns({ searches: ['.', 'a_b.c.', 'A', '', 'a..b'] }),
      ['A', '', 'a..b'].map(
        (name, index) =>
          `spec.dnsConfig.searches[${index + 2}]: Invalid value: "${name}": must be a lowercase RFC 1123 subdomain, in which '_' may be, at most 253 long`,
      ),
    ],
    [dns({ options: [{}, { name: 'a' }] }), ['spec.dnsConfig.options[0]: Required value: must not be empty']],
    [
      { dnsPolicy: 'None', dnsConfig: { searches: ['a'] } },
      ['spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None'],
    ],
    [
      { dnsPolicy: 'Cluster' },
      [
        'spec.dnsPolicy: Unsupported value: "Cluster": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    ],
    [
      { hostnameOverride: `${'a'.repeat(64)}.b`, hostNetwork: true, setHostnameAsFQDN: true },
      [
        'must be no more than 64 characters',
        'may not be specified when `hostNetwork` is true',
        'may not be specified when `setHostnameAsFQDN` is true',
      ].map((detail) => `spec.hostnameOverride: Invalid value: "${'a'.repeat(64)}.b": ${detail}`),
    ],
    [{ hostnameOverride: 'a.b' }, []],
  ])('%j', check);
});

describe('security', () => {
  const S = 'spec.securityContext';

  test.each<Row>([
    [
      { securityContext: { runAsUser: -1, runAsGroup: -1, fsGroup: -1, supplementalGroups: [0, -1] } },
      ['runAsUser', 'runAsGroup', 'fsGroup', 'supplementalGroups[1]'].map(
        (name) => `${S}.${name}: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
      ),
    ],
    [
      {
        securityContext: { supplementalGroupsPolicy: 'All', fsGroupChangePolicy: 'Never', seLinuxChangePolicy: 'None' },
      },
      [
        `${S}.supplementalGroupsPolicy: Unsupported value: "All": supported values: "Merge", "Strict"`,
        `${S}.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"`,
        `${S}.seLinuxChangePolicy: Unsupported value: "None": supported values: "MountOption", "Recursive"`,
      ],
    ],
    [
      {
        securityContext: {
          sysctls: [
            {},
            { name: 'Kernel.Shm', value: '1' },
            { name: 'net.core.somaxconn', value: '1' },
            { name: 'net.core.somaxconn', value: '2' },
            { name: 'net/ipv4/a-b/x', value: '1' },
          ],
        },
      },
      [
        `${S}.sysctls[0].name: Required value`,
        `${S}.sysctls[1].name: Invalid value: "Kernel.Shm": must be at most 253 of a-z, 0-9, '-', '_', and '.' or '/' between parts that begin and end with a letter or digit`,
        `${S}.sysctls[3].name: Duplicate value: "net.core.somaxconn"`,
      ],
    ],
    [
      {
        hostNetwork: true,
        hostIPC: true,
        securityContext: {
          sysctls: ['net.a', 'net/b', 'kernel.sem', 'kernel.shmmax', 'fs.mqueue.c', 'kernel.msgmax', 'vm.d'].map(
            (name) => ({ name, value: '1' }),
          ),
        },
      },
      [
        `${S}.sysctls[0].name: Invalid value: "net.a": may not be specified when 'hostNetwork' is true`,
        `${S}.sysctls[1].name: Invalid value: "net/b": may not be specified when 'hostNetwork' is true`,
        ...['kernel.sem', 'kernel.shmmax', 'fs.mqueue.c', 'kernel.msgmax'].map(
          (name, index) =>
            `${S}.sysctls[${index + 2}].name: Invalid value: "${name}": may not be specified when 'hostIPC' is true`,
        ),
      ],
    ],
    [
      { hostUsers: false, hostNetwork: true, hostPID: true, hostIPC: true },
      ['hostNetwork', 'hostPID', 'hostIPC'].map(
        (name) => `spec.${name}: Forbidden: when \`pod.Spec.HostUsers\` is false`,
      ),
    ],
    [{ hostUsers: true, hostNetwork: true, hostPID: true, hostIPC: true }, []],
  ])('%j', check);
});

describe('resources of the pod', () => {
  const withContainer = (resources: JsonObject, ofContainer: JsonObject): JsonObject => ({
    resources,
    containers: [{ ...APP, resources: ofContainer }],
  });
  const R = 'spec.resources';

  test.each<Row>([
    [
      { resources: { limits: { cpu: '1x', 'ephemeral-storage': 1 }, requests: { memory: -1 } } },
      [
        `${R}.limits[cpu]: Invalid value: "1x": must be a quantity, such as 500m, 0.5, 128Mi or 1G`,
        `${R}.limits[ephemeral-storage]: Invalid value: "ephemeral-storage": must be one of cpu, memory, hugepages-<size>`,
        `${R}.requests[memory]: Invalid value: -1: must be greater than or equal to 0`,
      ],
    ],
    [
      { resources: { limits: { cpu: 1 }, requests: { cpu: 2 } } },
      [`${R}.requests: Invalid value: 2: must be less than or equal to cpu limit of 1`],
    ],
    [
      withContainer({ requests: { cpu: '500m', memory: '1Ki' } }, { requests: { cpu: '750m', memory: '2Ki' } }),
      [
        `${R}.requests[cpu]: Invalid value: "500m": must be greater than or equal to aggregate container requests of 750m`,
        `${R}.requests[memory]: Invalid value: "1Ki": must be greater than or equal to aggregate container requests of 2048`,
      ],
    ],
    [
      withContainer({ limits: { cpu: 1 } }, { limits: { cpu: 2 }, requests: { cpu: 1 } }),
      ['spec.containers[0].resources.limits[cpu]: Invalid value: 2: must be less than or equal to pod limits of 1'],
    ],
    [withContainer({ limits: { cpu: 2, memory: '1Gi' } }, { limits: { cpu: 2 }, requests: { cpu: 1 } }), []],
    [withContainer({ requests: { memory: '1Gi' } }, { requests: { cpu: 1 } }), []],
  ])('%j', check);
});

describe('nodes that it may run on', () => {
  const term = (requirement: JsonObject, list = 'matchExpressions'): JsonObject => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ [list]: [requirement] }] },
      },
    },
  });
  const N = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const E = `${N}[0].matchExpressions[0]`;
  const F = `${N}[0].matchFields[0]`;
  const WISHES = 'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution';

  test.each<Row>([
    [
      { nodeSelector: { '-a': 'b', c: 'd e' } },
      [
        expect.stringMatching(/^spec\.nodeSelector: Invalid value: "-a": must be a name/),
        expect.stringMatching(/^spec\.nodeSelector\[c\]: Invalid value: "d e": must be empty or at most 63/),
      ],
    ],
    [
      { tolerations: [{}, { key: 'a b', operator: 'Exists', value: 'c' }] },
      [
        'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
        expect.stringMatching(/^spec\.tolerations\[1\]\.key: Invalid value: "a b": must be a name/),
        `spec.tolerations[1].operator: Invalid value: "c": value must be empty when \`operator\` is 'Exists'`,
      ],
    ],
    [
      {
        tolerations: [
          { key: 'a', operator: 'In' },
          { key: 'a', value: '-' },
          { operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 },
          { operator: 'Exists', effect: 'Never' },
        ],
      },
      [
        'spec.tolerations[0].operator: Unsupported value: "In": supported values: "Equal", "Exists"',
        expect.stringMatching(/^spec\.tolerations\[1\]\.operator: Invalid value: "-": must be empty or at most 63/),
        `spec.tolerations[2].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
        'spec.tolerations[3].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      ],
    ],
    [
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } } },
      [`${N}: Required value: must have at least one node selector term`],
    ],
    [
      term({ key: 'a', operator: 'In' }),
      [`${E}.values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`],
    ],
    [
      term({ key: 'a', operator: 'Exists', values: ['b'] }),
      [`${E}.values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`],
    ],
    [
      term({ key: 'a', operator: 'Gt', values: ['1', '2'] }),
      [`${E}.values: Required value: must be specified single value when \`operator\` is 'Lt' or 'Gt'`],
    ],
    [
      term({ key: '', operator: 'Is', values: [' '] }),
      [
        expect.stringMatching(/\.matchExpressions\[0\]\.key: Invalid value: "": must be a name/),
        `${E}.operator: Invalid value: "Is": not a valid selector operator`,
        expect.stringMatching(/\.matchExpressions\[0\]\.values\[0\]: Invalid value: " ": must be empty or at most 63/),
      ],
    ],
    [
      term({ key: 'metadata.uid', operator: 'Exists' }, 'matchFields'),
      [
        `${F}.operator: Invalid value: "Exists": not a valid selector operator`,
        `${F}.values: Required value: must be only one value when \`operator\` is 'In' or 'NotIn' for node field selector`,
        `${F}.key: Invalid value: "metadata.uid": not a valid field selector key`,
      ],
    ],
    [
      term({ key: 'metadata.name', operator: 'In', values: ['A'] }, 'matchFields'),
      [`${F}.values[0]: Invalid value: "A": ${SUBDOMAIN}`],
    ],
    [
      {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 101, preference: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
              {},
            ],
          },
        },
      },
      [
        `${WISHES}[0].weight: Invalid value: 101: must be in the range 1-100`,
        `${WISHES}[0].preference.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
        `${WISHES}[1].weight: Invalid value: 0: must be in the range 1-100`,
      ],
    ],
    [
      {
        topologySpreadConstraints: [
          {},
          ...Array<JsonObject>(2).fill({ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' }),
        ],
      },
      [
        'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than 0',
        'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
        'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"',
        'spec.topologySpreadConstraints[2]: Duplicate value: "{a, DoNotSchedule}"',
      ],
    ],
  ])('%j', check);
});

describe('the rest', () => {
  test.each<Row>([
    ...[0, 2 ** 31].map((activeDeadlineSeconds): Row => [
      { activeDeadlineSeconds },
      [
        `spec.activeDeadlineSeconds: Invalid value: ${activeDeadlineSeconds}: must be between 1 and 2147483647, inclusive`,
      ],
    ]),
    [
      { readinessGates: [{ conditionType: 'a/b/c' }, {}] },
      [
        expect.stringMatching(/^spec\.readinessGates\[0\]\.conditionType: Invalid value: "a\/b\/c": must be a name/),
        expect.stringMatching(/^spec\.readinessGates\[1\]\.conditionType: Invalid value: "": must be a name/),
      ],
    ],
    [{ serviceAccountName: 'A' }, [`spec.serviceAccountName: Invalid value: "A": ${SUBDOMAIN}`]],
    [
      { preemptionPolicy: 'Always' },
      ['spec.preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"'],
    ],
    [{ os: { name: 'Linux' } }, ['spec.os.name: Unsupported value: "Linux": supported values: "linux", "windows"']],
    [{ containers: [] }, ['spec.containers: Required value']],
  ])('%j', check);
});
