import { describe, expect, test } from 'vitest';
import { load, pod, told } from './helpers.ts';

describe('a pod is checked', () => {
  test.each([
    ['metadata', pod().replace('  name: web\n', '  labels: {}\n'), ['3 metadata.name Required value']],
    [
      'name',
      pod().replace('name: web', 'name: Web_1'),
      [
        `4 metadata.name Invalid value: "Web_1": must be a lowercase RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends of every part`,
      ],
    ],
    [
      'name with the node',
      pod().replace('name: web', `name: ${'a'.repeat(250)}`),
      [expect.stringMatching(/^4 metadata.name Invalid value: "a{116}\.\.\.: must be a lowercase RFC 1123 subdomain/)],
    ],
    [
      'namespace, UID and labels',
      pod({
        metadata:
          'namespace: a.b\nuid: ../x\nlabels:\n  "-a": b\n  ok: "no spaces"\nannotations:\n  a/b/c: ""\n  kubernetes.io/config.mirror: x\ndeletionTimestamp: "2026-01-01T00:00:00Z"',
      }),
      [
        expect.stringMatching(/^5 metadata.namespace Invalid value: "a.b": must be a lowercase RFC 1123 label/),
        expect.stringMatching(/^6 metadata.uid Invalid value: "..\/x": must be at most 128/),
        expect.stringMatching(/^7 metadata.labels Invalid value: "-a": must be a name/),
        expect.stringMatching(/^9 metadata.labels\[ok\] Invalid value: "no spaces": must be empty or at most 63/),
        expect.stringMatching(/^10 metadata.annotations Invalid value: "a\/b\/c": must be a name/),
        '12 metadata.annotations[kubernetes.io/config.mirror] Forbidden: marks the API server’s copy of a static pod',
        '13 metadata.deletionTimestamp Forbidden: remove the manifest to stop its pod',
      ],
    ],
    [
      'annotation size',
      pod({ metadata: `annotations: {a: "${'x'.repeat(262_144)}"}` }),
      ['5 metadata.annotations Too long: may not be more than 262144 bytes'],
    ],
    [
      'no containers',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: []',
      ['5 spec.containers Required value'],
    ],
    ['no spec', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}', ['1 spec.containers Required value']],
    [
      'containers',
      pod({ container: 'imagePullPolicy: Sometimes\nterminationMessagePolicy: Log\nworkingDir: "a\\nb"' }) +
        '  - name: app\n    image: " x"\n  - image: ""\n  - name: "A"\n    image: b\n',
      [
        '9 spec.containers[0].imagePullPolicy Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
        '10 spec.containers[0].terminationMessagePolicy Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"',
        '11 spec.containers[0].workingDir Invalid value: "a\\nb": must not contain control characters',
        '12 spec.containers[1].name Duplicate value: "app"',
        '13 spec.containers[1].image Invalid value: " x": must not have leading or trailing whitespace',
        '14 spec.containers[2].name Required value',
        '14 spec.containers[2].image Required value',
        expect.stringMatching(/^15 spec.containers\[3\].name Invalid value: "A": must be a lowercase RFC 1123 label/),
      ],
    ],
    [
      'ports',
      pod({
        container: `ports:
- {}
- {containerPort: 70000}
- {containerPort: 80, hostPort: -1, protocol: HTTP, name: Web, hostIP: here}
- {containerPort: 81, hostPort: 81, name: a}
- {containerPort: 82, hostPort: 81, name: a}
- {containerPort: 82, hostPort: 81, protocol: UDP}
- {containerPort: 82, hostPort: 81, hostIP: 127.0.0.1}`,
      }),
      [
        '10 spec.containers[0].ports[0].containerPort Required value',
        '11 spec.containers[0].ports[1].containerPort Invalid value: 70000: must be between 1 and 65535, inclusive',
        expect.stringMatching(/^12 spec.containers\[0\].ports\[2\].name Invalid value: "Web": must be at most 15/),
        '12 spec.containers[0].ports[2].hostPort Invalid value: -1: must be between 1 and 65535, inclusive',
        '12 spec.containers[0].ports[2].protocol Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
        '12 spec.containers[0].ports[2].hostIP Invalid value: "here": must be a valid IP address',
        '14 spec.containers[0].ports[4].name Duplicate value: "a"',
        '14 spec.containers[0].ports[4].hostPort Duplicate value: "TCP//81"',
      ],
    ],
    [
      'ports of the host',
      pod({
        spec: 'hostNetwork: true',
        container: 'ports:\n- {containerPort: 80}\n- {containerPort: 81, hostPort: 82}',
      }),
      [
        '12 spec.containers[0].ports[1].hostPort Invalid value: 82: must match `containerPort` when `hostNetwork` is true',
      ],
    ],
    [
      'environment',
      pod({ container: 'env:\n- {value: a}\n- {name: "A=B"}\n- {name: "with space.and-more"}\n- {name: A, value: 1}' }),
      ['13 spec.containers[0].env[3].value Invalid value: 1: must be a string, not a number (put it in quotes)'],
    ],
    [
      'environment names',
      pod({ container: 'env:\n- {value: a}\n- {name: "A=B"}\n- {name: "with space.and-more"}' }),
      [
        '10 spec.containers[0].env[0].name Required value',
        `11 spec.containers[0].env[1].name Invalid value: "A=B": must be printable ASCII characters other than '='`,
      ],
    ],
    [
      'volumes',
      pod({
        spec: `volumes:
- {name: a}
- {name: a, hostPath: {path: /x/../y, type: Folder}}
- {emptyDir: {sizeLimit: -1Mi}, hostPath: {path: x}}
- {name: b, hostPath: {}}
- {name: B, emptyDir: {sizeLimit: big}}`,
      }),
      [
        `8 spec.volumes[1].hostPath.path Invalid value: "/x/../y": must not contain '..'`,
        expect.stringMatching(
          /^8 spec.volumes\[1\].hostPath.type Unsupported value: "Folder": supported values: "", "Dir/,
        ),
        '8 spec.volumes[1].name Duplicate value: "a"',
        '9 spec.volumes[2].name Required value',
        '9 spec.volumes[2].hostPath Forbidden: may not specify more than 1 volume type',
        '9 spec.volumes[2].emptyDir.sizeLimit Invalid value: "-1Mi": must be greater than or equal to 0',
        '9 spec.volumes[2].hostPath.path Invalid value: "x": must be an absolute path',
        '10 spec.volumes[3].hostPath.path Required value',
        expect.stringMatching(/^11 spec.volumes\[4\].name Invalid value: "B"/),
        '11 spec.volumes[4].emptyDir.sizeLimit Invalid value: "big": must be a quantity, such as 500m, 0.5, 128Mi or 1G',
      ],
    ],
    [
      'mounts',
      pod({
        spec: 'volumes: [{name: a}]',
        container: `volumeMounts:
- {name: a, mountPath: /a}
- {name: a, mountPath: /a}
- {name: b, mountPath: "/b:ro"}
- {mountPath: ""}
- {name: a, mountPath: /c, mountPropagation: Bidirectional}
- {name: a, mountPath: /d, mountPropagation: Some}`,
      }),
      [
        '12 spec.containers[0].volumeMounts[1].mountPath Invalid value: "/a": must be unique',
        '13 spec.containers[0].volumeMounts[2].name Not found: "b"',
        `13 spec.containers[0].volumeMounts[2].mountPath Invalid value: "/b:ro": must not contain ':'`,
        '14 spec.containers[0].volumeMounts[3].name Required value',
        '14 spec.containers[0].volumeMounts[3].mountPath Required value',
        '15 spec.containers[0].volumeMounts[4].mountPropagation Forbidden: Bidirectional mount propagation is available only to privileged containers',
        '16 spec.containers[0].volumeMounts[5].mountPropagation Unsupported value: "Some": supported values: "None", "HostToContainer", "Bidirectional"',
      ],
    ],
    [
      'resources',
      pod({
        container: `resources:
  limits: {cpu: 500m, memory: 1XB, example.com/gpu: 1, hugepages-2Mi: 1, disk: 1}
  requests: {cpu: 1, memory: -1}`,
      }),
      [
        '10 spec.containers[0].resources.limits[memory] Invalid value: "1XB": must be a quantity, such as 500m, 0.5, 128Mi or 1G',
        '10 spec.containers[0].resources.limits[example.com/gpu] not supported yet',
        '10 spec.containers[0].resources.limits[disk] Invalid value: "disk": must be one of cpu, memory, ephemeral-storage, hugepages-<size>',
        '10 spec.containers[0].resources.limits[hugepages-2Mi] Invalid value: 1: must be a multiple of the page size',
        '11 spec.containers[0].resources.requests[memory] Invalid value: -1: must be greater than or equal to 0',
        '11 spec.containers[0].resources.requests Invalid value: 1: must be less than or equal to cpu limit of 500m',
      ],
    ],
    [
      'the rest of the spec',
      pod({
        spec: `restartPolicy: Maybe
dnsPolicy: None
terminationGracePeriodSeconds: -1
hostname: a.b
subdomain: A
priorityClassName: A
hostPID: true
shareProcessNamespace: true`,
      }),
      [
        '5 spec.dnsConfig Required value: must provide `dnsConfig` when `dnsPolicy` is None',
        '6 spec.restartPolicy Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
        '8 spec.terminationGracePeriodSeconds Invalid value: -1: must be greater than or equal to 0',
        expect.stringMatching(/^9 spec.hostname Invalid value: "a.b"/),
        expect.stringMatching(/^10 spec.subdomain Invalid value: "A"/),
        expect.stringMatching(/^11 spec.priorityClassName Invalid value: "A"/),
        '13 spec.shareProcessNamespace Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(told(text)).toEqual(expected);
    expect(load(text).pods).toEqual([]);
    expect(load(text).broken).toHaveLength(1);
  });
});

describe('types', () => {
  test.each([
    [
      pod({ container: 'args: [1]' }),
      ['9 spec.containers[0].args[0] Invalid value: 1: must be a string, not a number (put it in quotes)'],
    ],
    [pod({ container: 'args: [~]' }), ['9 spec.containers[0].args[0] Invalid value: null: must be a string, not null']],
    [
      pod({ container: 'command: sh' }),
      ['9 spec.containers[0].command Invalid value: "sh": must be a list, not a string'],
    ],
    [
      pod({ container: 'tty: "yes"' }),
      ['9 spec.containers[0].tty Invalid value: "yes": must be a boolean, not a string'],
    ],
    [
      pod({ spec: 'terminationGracePeriodSeconds: 1.5' }),
      ['6 spec.terminationGracePeriodSeconds Invalid value: 1.5: must be a whole number, not a number'],
    ],
    [pod({ metadata: 'labels: {a: {}}' }), ['5 metadata.labels[a] Invalid value: {}: must be a string, not an object']],
    ['apiVersion: v1\nkind: Pod\nmetadata: []', ['3 metadata Invalid value: []: must be an object, not a list']],
    [
      pod({ container: 'resources: {limits: {cpu: true}}' }),
      ['9 spec.containers[0].resources.limits[cpu] Invalid value: true: must be a quantity, not a boolean'],
    ],
  ])('a wrong one is an error', (text, expected) => expect(told(text)).toEqual(expected));

  test('unknown fields are warnings and stay on the pod', () => {
    const text = pod({ spec: 'hostnetwork: true\nvolume: []\nnew: {a: 1}', container: 'constructor: 1' });
    expect(told(text)).toEqual([
      'warning 6 spec.hostnetwork unknown field "hostnetwork": it has no effect; is it "hostNetwork"?',
      'warning 7 spec.volume unknown field "volume": it has no effect; is it "volumes"?',
      'warning 8 spec.new unknown field "new": it has no effect',
      'warning 12 spec.containers[0].constructor unknown field "constructor": it has no effect',
    ]);
    expect(load(text).pods[0]?.pod.spec).toMatchObject({ new: { a: 1 } });
  });
});

describe('what is not acted on', () => {
  test.each([
    ...[
      'overhead: {cpu: 1}',
      'resourceClaims: [{name: a, resourceClaimName: b}]',
      'runtimeClassName: gvisor',
      'schedulingGates: [{name: a}]',
    ].map((line) => ({ text: pod({ spec: line }), at: `6 spec.${line.split(':')[0] ?? ''}` })),
    { text: pod({ container: 'volumeDevices: [{name: a}]' }), at: '9 spec.containers[0].volumeDevices' },
    { text: pod({ container: 'resources: {claims: [{name: a}]}' }), at: '9 spec.containers[0].resources.claims' },
    { text: pod({ spec: 'volumes: [{name: a, csi: {driver: b}}]' }), at: '6 spec.volumes[0].csi' },
    {
      text: pod({ spec: 'volumes: [{name: a, emptyDir: {medium: HugePages-2Mi}}]' }),
      at: '6 spec.volumes[0].emptyDir.medium',
    },
  ])('$at is an error', ({ text, at }) => expect(told(text)).toEqual([`${at} not supported yet`]));

  test('a volume whose claim nobody makes is an error that says so', () => {
    const volumes = 'volumes: [{name: a, ephemeral: {volumeClaimTemplate: {spec: {}}}}]';
    expect(told(pod({ spec: volumes }))).toEqual([
      '6 spec.volumes[0].ephemeral not supported: a controller makes its claim, for pods of an API server only; ' +
        'name a claim in persistentVolumeClaim',
    ]);
  });

  test('values that change nothing pass', () => {
    const text = pod({
      spec: 'securityContext: {}\ninitContainers: []\nhostUsers: true\nos: {name: linux}\nserviceAccountName: ""\nautomountServiceAccountToken: false\ntolerations: [{operator: Exists}]\npriorityClassName: system-node-critical\ntopologySpreadConstraints: []',
      container:
        'resources: {limits: {ephemeral-storage: 1Gi}}\nsecurityContext: {}\nenvFrom: []\nlifecycle: {}\nresizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]',
    });
    expect(told(text)).toEqual([]);
  });
});
