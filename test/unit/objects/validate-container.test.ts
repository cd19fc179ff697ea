import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../agent/objects/json.ts';
import { STOP_SIGNALS } from '../../../agent/objects/stop-signals.ts';
import { APP, containerProblems, specProblems } from './spec-problems.ts';

type Row = readonly [container: JsonObject, problems: readonly string[]];

const exec = { exec: { command: ['true'] } };

describe('probes', () => {
  test.each<Row>([
    [{ livenessProbe: {} }, ['C.livenessProbe: Required value: must specify a handler type']],
    [
      { readinessProbe: { ...exec, httpGet: { port: 1 }, tcpSocket: { port: 1 }, grpc: { port: 1 } } },
      ['httpGet', 'tcpSocket', 'grpc'].map(
        (name) => `C.readinessProbe.${name}: Forbidden: may not specify more than 1 handler type`,
      ),
    ],
    [{ startupProbe: { exec: {} } }, ['C.startupProbe.exec.command: Required value']],
    [{ startupProbe: { exec: { command: [] } } }, ['C.startupProbe.exec.command: Required value']],
    [{ livenessProbe: { httpGet: {} } }, ['C.livenessProbe.httpGet.port: Required value']],
    [
      { livenessProbe: { httpGet: { port: 0, scheme: 'http', httpHeaders: [{ name: 'A-1' }, { name: 'b c' }, {}] } } },
      [
        'C.livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'C.livenessProbe.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"',
        `C.livenessProbe.httpGet.httpHeaders[1].name: Invalid value: "b c": must be letters, digits and '-', such as X-Header-Name`,
        `C.livenessProbe.httpGet.httpHeaders[2].name: Invalid value: "": must be letters, digits and '-', such as X-Header-Name`,
      ],
    ],
    [
      { livenessProbe: { tcpSocket: { port: 'HTTP' } } },
      [
        `C.livenessProbe.tcpSocket.port: Invalid value: "HTTP": must be at most 15 of a-z, 0-9 and '-', with at least one letter, and no '-' at an end or beside another`,
      ],
    ],
    [
      { livenessProbe: { tcpSocket: { port: true } } },
      ['C.livenessProbe.tcpSocket.port: Invalid value: true: must be a whole number or a string, not a boolean'],
    ],
    [
      { livenessProbe: { grpc: { port: 65536 } } },
      ['C.livenessProbe.grpc.port: Invalid value: 65536: must be between 1 and 65535, inclusive'],
    ],
    [
      {
        readinessProbe: {
          ...exec,
          initialDelaySeconds: -1,
          timeoutSeconds: -2,
          periodSeconds: -3,
          successThreshold: -4,
          failureThreshold: -5,
        },
      },
      [
        'C.readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0',
        'C.readinessProbe.timeoutSeconds: Invalid value: -2: must be greater than or equal to 0',
        'C.readinessProbe.periodSeconds: Invalid value: -3: must be greater than or equal to 0',
        'C.readinessProbe.successThreshold: Invalid value: -4: must be greater than or equal to 0',
        'C.readinessProbe.failureThreshold: Invalid value: -5: must be greater than or equal to 0',
      ],
    ],
    [
      { livenessProbe: { ...exec, successThreshold: 2 }, startupProbe: { ...exec, successThreshold: 3 } },
      [
        'C.livenessProbe.successThreshold: Invalid value: 2: must be 1',
        'C.startupProbe.successThreshold: Invalid value: 3: must be 1',
      ],
    ],
    [{ readinessProbe: { ...exec, successThreshold: 2 } }, []],
    [
      { livenessProbe: { ...exec, terminationGracePeriodSeconds: 0 } },
      ['C.livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0'],
    ],
    [
      { readinessProbe: { ...exec, terminationGracePeriodSeconds: 1 } },
      ['C.readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes'],
    ],
  ])('%j', (container, problems) => expect(containerProblems(container)).toEqual(problems));
});

describe('hooks', () => {
  test.each<Row>([
    [
      { lifecycle: { postStart: {}, preStop: { ...exec, sleep: { seconds: 1 } } } },
      [
        'C.lifecycle.postStart: Required value: must specify a handler type',
        'C.lifecycle.preStop.sleep: Forbidden: may not specify more than 1 handler type',
      ],
    ],
    [{ lifecycle: { preStop: { sleep: { seconds: 0 } } } }, []],
    [{ lifecycle: { preStop: { sleep: { seconds: 30 } } } }, []],
    ...[-1, 31].map((seconds): Row => [
      { lifecycle: { preStop: { sleep: { seconds } } } },
      [
        `C.lifecycle.preStop.sleep.seconds: Invalid value: ${seconds}: must be non-negative and less than terminationGracePeriodSeconds (30)`,
      ],
    ]),
    [
      { lifecycle: { stopSignal: 'SIGINT' } },
      ['C.lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`'],
    ],
  ])('%j', (container, problems) => expect(containerProblems(container)).toEqual(problems));

  test.each(['SIGTERM', 'SIGRTMIN', 'SIGRTMIN+15', 'SIGRTMAX-14', 'SIGRTMAX'])('%s can stop it', (stopSignal) => {
    expect(containerProblems({ lifecycle: { stopSignal } }, { os: { name: 'linux' } })).toEqual([]);
  });

  test.each(['INT', 'sigint', 'SIGRTMIN+16', 'SIGRTMAX-15', ''])('%j cannot', (stopSignal) => {
    expect(STOP_SIGNALS).toHaveLength(65);
    expect(containerProblems({ lifecycle: { stopSignal } }, { os: { name: 'linux' } })).toEqual([
      expect.stringMatching(
        /^C\.lifecycle\.stopSignal: Unsupported value: ".*": supported values: "SIGABRT", "SIGALRM"/,
      ),
    ]);
  });
});

describe('environment', () => {
  const env = (valueFrom: JsonObject, value = ''): JsonObject => ({ env: [{ name: 'A', value, valueFrom }] });
  const V = 'C.env[0].valueFrom';
  const field = (fieldPath: string): JsonObject => env({ fieldRef: { fieldPath } });
  const resource = (name: string, divisor?: string | number, containerName = ''): JsonObject =>
    env({ resourceFieldRef: { resource: name, containerName, ...(divisor === undefined ? {} : { divisor }) } });
  const bytes = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';

  test.each([
    'metadata.name',
    'metadata.namespace',
    'metadata.uid',
    "metadata.labels['a.b/c']",
    "metadata.annotations['A.B/C']",
    'spec.nodeName',
    'spec.serviceAccountName',
    'status.hostIP',
    'status.hostIPs',
    'status.podIP',
    'status.podIPs',
  ])('can be %s', (fieldPath) => expect(containerProblems(field(fieldPath))).toEqual([]));

  test.each<readonly [name: string, divisor: string | number, container: string]>([
    ['requests.cpu', '1m', ''],
    ['limits.cpu', 1, ''],
    ['limits.cpu', '1000m', ''],
    ['limits.cpu', 0, ''],
    ['limits.memory', '1Mi', ''],
    ['requests.memory', '1024Ki', ''],
    ['limits.ephemeral-storage', '1k', 'app'],
    ['requests.hugepages-2Mi', '1Gi', ''],
  ])('can be %s in %s', (name, divisor, container) => {
    expect(containerProblems(resource(name, divisor, container))).toEqual([]);
  });

  test.each<Row>([
    [
      env({}),
      [
        `${V}: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\`, \`secretKeyRef\` or \`fileKeyRef\``,
      ],
    ],
    [
      env({ fieldRef: { fieldPath: 'metadata.name' } }, 'x'),
      [`${V}: Invalid value: "": may not be specified when \`value\` is not empty`],
    ],
    [
      env({ configMapKeyRef: { name: 'a', key: 'b' }, secretKeyRef: { name: 'a', key: 'b' } }),
      [`${V}: Invalid value: "": may not have more than one field specified at a time`],
    ],
    [env({ fieldRef: {} }), [`${V}.fieldRef.fieldPath: Required value`]],
    [
      field('metadata.labels'),
      [
        `${V}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
      ],
    ],
    [
      field('spec.containers'),
      [
        `${V}.fieldRef.fieldPath: Invalid value: "spec.containers": error converting fieldPath: field label not supported: spec.containers`,
      ],
    ],
    [
      field("metadata.name['a']"),
      [
        `${V}.fieldRef.fieldPath: Invalid value: "metadata.name['a']": error converting fieldPath: field label does not support subscript: metadata.name['a']`,
      ],
    ],
    [
      field("metadata.labels['A B']"),
      [expect.stringMatching(/^C\.env\[0\]\.valueFrom\.fieldRef\.fieldPath: Invalid value: "A B": must be a name/)],
    ],
    [
      env({ fieldRef: { apiVersion: 'v2', fieldPath: 'metadata.name' } }),
      [
        `${V}.fieldRef.fieldPath: Invalid value: "metadata.name": error converting fieldPath: unsupported pod version: v2`,
      ],
    ],
    [env({ resourceFieldRef: {} }), [`${V}.resourceFieldRef.resource: Required value`]],
    [
      resource('limits.gpu'),
      [
        `${V}.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
      ],
    ],
    [
      resource('limits.cpu', '1Ki'),
      [
        `${V}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
      ],
    ],
    [
      resource('limits.memory', 1024),
      [
        `${V}.resourceFieldRef.divisor: Invalid value: "limits.memory": only divisor's values ${bytes} are supported with the memory resource`,
      ],
    ],
    [
      resource('requests.ephemeral-storage', '2Mi'),
      [
        `${V}.resourceFieldRef.divisor: Invalid value: "requests.ephemeral-storage": only divisor's values ${bytes} are supported with the local ephemeral storage resource`,
      ],
    ],
    [
      resource('limits.hugepages-2Mi', '1m'),
      [
        `${V}.resourceFieldRef.divisor: Invalid value: "limits.hugepages-2Mi": only divisor's values ${bytes} are supported with the hugepages resource`,
      ],
    ],
    [resource('limits.cpu', 1, 'db'), [`${V}.resourceFieldRef.containerName: Not found: "db"`]],
    [
      env({ configMapKeyRef: { name: 'A' } }),
      [
        expect.stringMatching(
          /^C\.env\[0\]\.valueFrom\.configMapKeyRef\.name: Invalid value: "A": must be a lowercase RFC/,
        ),
        `${V}.configMapKeyRef.key: Required value`,
      ],
    ],
    [
      env({ secretKeyRef: { name: 'a', key: '../b' } }),
      [
        `${V}.secretKeyRef.key: Invalid value: "../b": must be at most 253 of letters, digits, '-', '_' and '.', and not '.' or beginning with '..'`,
      ],
    ],
    [
      env({ fileKeyRef: { volumeName: 'none', path: '/a', key: 'A=' } }),
      [
        `${V}.fileKeyRef.volumeName: Not found: "none"`,
        `${V}.fileKeyRef.path: Invalid value: "/a": must be a relative path`,
        `${V}.fileKeyRef.key: Invalid value: "A=": must be printable ASCII characters other than '='`,
      ],
    ],
  ])('%j', (container, problems) => expect(containerProblems(container)).toEqual(problems));

  test('a file that holds a variable is in an emptyDir', () => {
    const from = env({ fileKeyRef: { volumeName: 'v', path: 'a', key: 'B' } });
    expect(containerProblems(from, { volumes: [{ name: 'v', hostPath: { path: '/v' } }] })).toEqual([
      `${V}.fileKeyRef.volumeName: Invalid value: "v": must be the name of an emptyDir volume`,
    ]);
    expect(containerProblems(from, { volumes: [{ name: 'v' }] })).toEqual([]);
  });

  test('whole sets of variables', () => {
    const envFrom = [
      {},
      { configMapRef: { name: 'a' }, secretRef: { name: 'b' }, prefix: 'A=' },
      { configMapRef: {} },
      { secretRef: { name: 'B_' } },
      { prefix: 'a-', secretRef: { name: 'b', optional: true } },
    ];
    expect(containerProblems({ envFrom })).toEqual([
      'C.envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
      `C.envFrom[1].prefix: Invalid value: "A=": must be printable ASCII characters other than '='`,
      'C.envFrom[1]: Invalid value: "": may not have more than one field specified at a time',
      'C.envFrom[2].configMapRef.name: Required value',
      expect.stringMatching(/^C\.envFrom\[3\]\.secretRef\.name: Invalid value: "B_": must be a lowercase RFC 1123 sub/),
    ]);
  });
});

describe('security context', () => {
  const S = 'C.securityContext';

  test.each<Row>([
    [
      { runAsUser: -1, runAsGroup: 2 ** 31 },
      [
        `${S}.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
        `${S}.runAsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive`,
      ],
    ],
    [{ procMount: 'All' }, [`${S}.procMount: Unsupported value: "All": supported values: "Default", "Unmasked"`]],
    [
      { procMount: 'Unmasked' },
      [`${S}.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``],
    ],
    [
      { allowPrivilegeEscalation: false, privileged: true, capabilities: { add: ['CAP_SYS_ADMIN'] } },
      [
        expect.stringMatching(
          /^C\.securityContext: Invalid value: {.*: cannot set `allowPrivilegeEscalation` to false and `privileged` to true$/,
        ),
        expect.stringMatching(
          /^C\.securityContext: Invalid value: {.*: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN$/,
        ),
      ],
    ],
    [{ allowPrivilegeEscalation: true, privileged: true, capabilities: { add: ['CAP_SYS_ADMIN'] } }, []],
    [
      { seccompProfile: {}, appArmorProfile: {} },
      [
        `${S}.seccompProfile.type: Required value: type is required when seccompProfile is set`,
        `${S}.appArmorProfile.type: Required value: type is required when appArmorProfile is set`,
      ],
    ],
    [
      { seccompProfile: { type: 'Docker' }, appArmorProfile: { type: 'Docker' } },
      ['seccompProfile', 'appArmorProfile'].map(
        (name) =>
          `${S}.${name}.type: Unsupported value: "Docker": supported values: "Localhost", "RuntimeDefault", "Unconfined"`,
      ),
    ],
    [
      { seccompProfile: { type: 'Localhost' }, appArmorProfile: { type: 'Localhost' } },
      [
        `${S}.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
        `${S}.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost`,
      ],
    ],
    [
      {
        seccompProfile: { type: 'Localhost', localhostProfile: '../a' },
        appArmorProfile: { type: 'Localhost', localhostProfile: ' a' },
      },
      [
        `${S}.seccompProfile.localhostProfile: Invalid value: "../a": must not contain '..'`,
        `${S}.appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace`,
      ],
    ],
    [
      { appArmorProfile: { type: 'Localhost', localhostProfile: 'a'.repeat(4096) } },
      [`${S}.appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes`],
    ],
    [
      {
        seccompProfile: { type: 'RuntimeDefault', localhostProfile: 'a' },
        appArmorProfile: { type: 'Unconfined', localhostProfile: 'a' },
      },
      [
        `${S}.seccompProfile.localhostProfile: Invalid value: "a": can only be set when seccomp type is Localhost`,
        `${S}.appArmorProfile.localhostProfile: Invalid value: "a": can only be set when AppArmor type is Localhost`,
      ],
    ],
  ])('%j', (securityContext, problems) => expect(containerProblems({ securityContext })).toEqual(problems));

  test('/proc can be unmasked for users of a namespace of their own', () => {
    expect(containerProblems({ securityContext: { procMount: 'Unmasked' } }, { hostUsers: false })).toEqual([]);
  });
});

describe('mounts', () => {
  const mount = (fields: JsonObject): JsonObject => ({ volumeMounts: [{ name: 'v', mountPath: '/v', ...fields }] });
  const M = 'C.volumeMounts[0]';

  test.each<Row>([
    [
      mount({ subPath: 'a', subPathExpr: '$(A)' }),
      [`${M}.subPathExpr: Invalid value: "$(A)": subPathExpr and subPath are mutually exclusive`],
    ],
    [mount({ subPath: '/a' }), [`${M}.subPath: Invalid value: "/a": must be a relative path`]],
    [mount({ subPath: '../a' }), [`${M}.subPath: Invalid value: "../a": must not contain '..'`]],
    [mount({ subPathExpr: '/a' }), [`${M}.subPathExpr: Invalid value: "/a": must be a relative path`]],
    [mount({ subPathExpr: 'a/../b' }), [`${M}.subPathExpr: Invalid value: "a/../b": must not contain '..'`]],
    [mount({ subPath: 'a/..b/c..' }), []],
    [
      mount({ recursiveReadOnly: 'Yes' }),
      [`${M}.recursiveReadOnly: Unsupported value: "Yes": supported values: "Disabled", "IfPossible", "Enabled"`],
    ],
    [mount({ recursiveReadOnly: 'Disabled' }), []],
    [
      mount({ recursiveReadOnly: 'Enabled', mountPropagation: 'HostToContainer' }),
      [
        `${M}.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`,
        `${M}.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified`,
      ],
    ],
    [mount({ recursiveReadOnly: 'IfPossible', readOnly: true, mountPropagation: 'None' }), []],
    [{ ...mount({ mountPropagation: 'Bidirectional' }), securityContext: { privileged: true } }, []],
  ])('%j', (container, problems) => {
    expect(containerProblems(container, { volumes: [{ name: 'v' }] })).toEqual(problems);
  });
});

describe('restarts and resizes', () => {
  const rule = { action: 'Restart', exitCodes: { operator: 'In', values: [1] } };

  test.each<Row>([
    [
      { restartPolicy: 'Sometimes' },
      ['C.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      { restartPolicyRules: [rule] },
      ['C.restartPolicy: Required value: must specify restartPolicy when restart rules are used'],
    ],
    [
      { restartPolicy: 'Never', restartPolicyRules: [{}, { action: 'Stop', exitCodes: { operator: 'Is' } }] },
      [
        'C.restartPolicyRules[0].action: Required value',
        'C.restartPolicyRules[0].exitCodes: Required value: must be specified',
        'C.restartPolicyRules[1].action: Unsupported value: "Stop": supported values: "Restart"',
        'C.restartPolicyRules[1].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
      ],
    ],
    [
      { restartPolicy: 'Never', restartPolicyRules: Array<JsonObject>(21).fill(rule) },
      ['C.restartPolicyRules: Too many: 21: must have at most 20 items'],
    ],
    [
      {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: Array<number>(256).fill(1) } }],
      },
      ['C.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items'],
    ],
    [
      { resizePolicy: [{}, { resourceName: 'disk', restartPolicy: 'Maybe' }] },
      [
        'C.resizePolicy[0].resourceName: Required value',
        'C.resizePolicy[0].restartPolicy: Required value',
        'C.resizePolicy[1].resourceName: Unsupported value: "disk": supported values: "cpu", "memory"',
        'C.resizePolicy[1].restartPolicy: Unsupported value: "Maybe": supported values: "NotRequired", "RestartContainer"',
      ],
    ],
    [
      { resizePolicy: Array<JsonObject>(2).fill({ resourceName: 'cpu', restartPolicy: 'NotRequired' }) },
      ['C.resizePolicy[1]: Duplicate value: "cpu"'],
    ],
  ])('%j', (container, problems) => expect(containerProblems(container)).toEqual(problems));

  test('what may never restart cannot be resized by a restart', () => {
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
    expect(containerProblems({ resizePolicy }, { restartPolicy: 'Never' })).toEqual([
      `C.resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must be 'NotRequired' when \`restartPolicy\` is 'Never'`,
    ]);
  });
});

describe('containers of other kinds', () => {
  const other = { name: 'a', image: 'b' };
  const probes = { livenessProbe: exec, readinessProbe: exec, startupProbe: exec };
  const lifecycle = { preStop: exec };

  test('init containers have no hooks and probes, sidecars do', () => {
    expect(specProblems({ initContainers: [{ ...other, ...probes, lifecycle }] })).toEqual(
      ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'].map(
        (name) =>
          `spec.initContainers[0].${name}: Forbidden: may not be set for init containers without restartPolicy=Always`,
      ),
    );
    expect(specProblems({ initContainers: [{ ...other, ...probes, lifecycle, restartPolicy: 'Always' }] })).toEqual([]);
    expect(specProblems({ initContainers: [{ ...other, restartPolicy: 'Always', livenessProbe: {} }] })).toEqual([
      'spec.initContainers[0].livenessProbe: Required value: must specify a handler type',
    ]);
  });

  test('host ports of init containers are in conflict within one only', () => {
    const ports = [{ containerPort: 1, hostPort: 1 }];
    expect(specProblems({ initContainers: [{ ...other, ports }], containers: [{ ...APP, ports }] })).toEqual([]);
    expect(specProblems({ initContainers: [{ ...other, ports: [...ports, ...ports] }] })).toEqual([
      'spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//1"',
    ]);
  });

  test('all are checked like app containers', () => {
    const bad = { name: 'A', volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    const problems = (list: string): unknown[] => [
      expect.stringMatching(new RegExp(`^spec.${list}\\[0\\].name: Invalid value: "A": must be a lowercase RFC 1123`)),
      `spec.${list}[0].image: Required value`,
      `spec.${list}[0].volumeMounts[0].name: Not found: "v"`,
    ];
    expect(specProblems({ initContainers: [bad] })).toEqual(problems('initContainers'));
    expect(specProblems({ ephemeralContainers: [bad] })).toEqual(problems('ephemeralContainers'));
  });

  test('a name is one container’s', () => {
    const twice = { name: 'app', image: 'b' };
    expect(
      specProblems({
        containers: [APP, APP],
        initContainers: [twice, other],
        ephemeralContainers: [other, { name: 'c', image: 'd' }],
      }),
    ).toEqual([
      'spec.containers[1].name: Duplicate value: "app"',
      'spec.initContainers[0].name: Duplicate value: "app"',
      'spec.ephemeralContainers[0].name: Duplicate value: "a"',
    ]);
  });

  test('ephemeral containers do no work of the pod', () => {
    const container = {
      ...other,
      ...probes,
      lifecycle,
      ports: [{ containerPort: 1 }],
      resources: { limits: { cpu: 1 } },
      restartPolicy: 'Always',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }],
      targetContainerName: 'db',
      volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a' }],
    };
    const E = 'spec.ephemeralContainers[0]';
    expect(specProblems({ volumes: [{ name: 'v' }], ephemeralContainers: [container] })).toEqual([
      `${E}.targetContainerName: Not found: "db"`,
      ...[
        'ports',
        'resources',
        'restartPolicy',
        'restartPolicyRules',
        'lifecycle',
        'livenessProbe',
        'readinessProbe',
        'startupProbe',
        'volumeMounts[0].subPath',
      ].map((name) => `${E}.${name}: Forbidden: cannot be set for an Ephemeral Container`),
    ]);
  });
});

describe('huge pages', () => {
  test.each<[JsonObject, readonly string[]]>([
    [{ limits: { memory: '1Gi', 'hugepages-2Mi': '4Mi' } }, []],
    [{ limits: { memory: '1Gi', 'hugepages-2Mi': '4Mi' }, requests: { 'hugepages-2Mi': '4096Ki' } }, []],
    [{ limits: { 'hugepages-2Mi': '4Mi' } }, ['C.resources: Forbidden: HugePages require cpu or memory']],
    [
      { requests: { cpu: 1, 'hugepages-1Gi': '1Gi' } },
      ['C.resources.limits[hugepages-1Gi]: Required value: Limit must be set for non overcommitable resources'],
    ],
    [
      { limits: { cpu: 1, 'hugepages-2Mi': '4Mi' }, requests: { 'hugepages-2Mi': '2Mi' } },
      ['C.resources.requests[hugepages-2Mi]: Invalid value: "2Mi": must be equal to hugepages-2Mi limit of 4Mi'],
    ],
    [
      { limits: { cpu: 1, 'hugepages-2Mi': '3Mi' } },
      ['C.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": must be a multiple of the page size'],
    ],
  ])('%j', (resources, expected) => {
    expect(containerProblems({ resources })).toEqual(expected);
  });
});
