import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  containerResources,
  decodeManifest,
  loadDocuments,
  loadManifest,
  podResources,
  qosClass,
  type Pod,
} from '../../../agent/objects/index.ts';
import { imageTag } from '../../../agent/objects/image-name.ts';
import { FROM, load, pod } from './helpers.ts';

function only(text: string): Pod {
  const { pods, problems } = load(text);
  expect(problems).toEqual([]);
  expect(pods).toHaveLength(1);
  return pods[0]!.pod;
}

describe('defaults', () => {
  test('the smallest pod', () => {
    const uid = only(pod()).metadata.uid;
    expect(uid).toMatch(/^[0-9a-f]{32}$/);
    expect(only(pod())).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'web-node-1',
        namespace: 'default',
        uid,
        labels: {},
        annotations: {
          'kubernetes.io/config.hash': uid,
          'kubernetes.io/config.source': 'file',
          'kubernetes.io/config.seen': '2026-01-02T03:04:05.000Z',
        },
      },
      spec: {
        containers: [
          {
            name: 'app',
            image: 'registry/app:1',
            imagePullPolicy: 'IfNotPresent',
            resources: {},
            env: [],
            ports: [],
            volumeMounts: [],
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        volumes: [],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        nodeName: 'Node-1',
        schedulerName: 'default-scheduler',
        securityContext: {},
        enableServiceLinks: true,
        tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      },
    });
  });

  test('empty text is no value', () => {
    const text = pod({
      metadata: 'namespace: ""\nuid: ""',
      spec: 'restartPolicy: ""\ndnsPolicy: ""\nschedulerName: ""',
      container: 'imagePullPolicy: ""\nterminationMessagePath: ""\nports: [{containerPort: 1, protocol: "", name: ""}]',
    });
    expect(only(text)).toMatchObject({
      metadata: { namespace: 'default', uid: expect.stringMatching(/^[0-9a-f]{32}$/) as string },
      spec: {
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        containers: [
          {
            imagePullPolicy: 'IfNotPresent',
            terminationMessagePath: '/dev/termination-log',
            ports: [{ protocol: 'TCP' }],
          },
        ],
      },
    });
  });

  test('what is given stays', () => {
    const text = pod({
      spec: 'terminationGracePeriodSeconds: 0\nrestartPolicy: Never\nenableServiceLinks: false\ntolerations: [{operator: Exists, effect: NoExecute}]\nvolumes: [{name: a}, {name: b, hostPath: {path: /b}}, {name: c, hostPath: {path: /c, type: File}}]',
      container:
        'imagePullPolicy: Never\nresources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}\nports: [{containerPort: 80}]',
    });
    expect(only(text).spec).toMatchObject({
      terminationGracePeriodSeconds: 0,
      restartPolicy: 'Never',
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      volumes: [
        { name: 'a', emptyDir: {} },
        { name: 'b', hostPath: { path: '/b', type: '' } },
        { name: 'c', hostPath: { path: '/c', type: 'File' } },
      ],
      containers: [
        {
          imagePullPolicy: 'Never',
          resources: { limits: { cpu: 2, memory: '1Gi' }, requests: { cpu: 1, memory: '1Gi' } },
          ports: [{ containerPort: 80, protocol: 'TCP' }],
        },
      ],
    });
  });

  test('on the host network a port is a host port', () => {
    const text = pod({
      spec: 'hostNetwork: true',
      container: 'ports: [{containerPort: 80}, {containerPort: 81, hostPort: 81}]',
    });
    expect(only(text).spec.containers[0]?.ports).toEqual([
      { containerPort: 80, hostPort: 80, protocol: 'TCP' },
      { containerPort: 81, hostPort: 81, protocol: 'TCP' },
    ]);
  });

  test.each([
    ['busybox', 'latest'],
    ['busybox:latest', 'latest'],
    ['busybox:1.36', '1.36'],
    ['host:5000/busybox', 'latest'],
    ['host:5000/a/busybox:2', '2'],
    ['busybox@sha256:abc', undefined],
    ['busybox:1@sha256:abc', '1'],
    ['', 'latest'],
  ])('the tag of %j is %s', (image, tag) => expect(imageTag(image)).toBe(tag));

  test('the latest image is always pulled', () => {
    expect(only(pod().replace('registry/app:1', 'registry:5000/app')).spec.containers[0]?.imagePullPolicy).toBe(
      'Always',
    );
  });
});

describe('the identity of a static pod', () => {
  const uidOf = (text: string, from = FROM): string | undefined => loadManifest(text, from).pods[0]?.pod.metadata.uid;
  const uid = uidOf(pod());

  test('is the same at any time, and however the content is written', () => {
    const value = decodeManifest(pod(), 'f').documents[0]!.value;
    expect([
      uidOf(pod(), { ...FROM, seenAt: 0 }),
      uidOf(`# comment\n${pod()}`),
      uidOf(JSON.stringify(Object.fromEntries(Object.entries(value).reverse()))),
      uidOf(`${pod()}status: {phase: Running}\n`),
      uidOf(pod({ spec: 'hostname: ~' })),
      loadDocuments([value], FROM).pods[0]?.pod.metadata.uid,
    ]).toEqual(Array(6).fill(uid));
  });

  test('differs by content, node and file', () => {
    const uids = [
      uid,
      uidOf(pod({ container: 'tty: true' })),
      uidOf(pod(), { ...FROM, nodeName: 'node-2' }),
      uidOf(pod(), { ...FROM, origin: '/manifests/other.yaml' }),
    ];
    expect(new Set(uids).size).toBe(4);
  });

  test('is an MD5 of sorted JSON, node and file', () => {
    const json =
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"image":"registry/app:1","name":"app"}]}}';
    const hash = createHash('md5').update(`${json}host:Node-1file:/manifests/web.yaml`).digest('hex');
    expect(uid).toBe(hash);
  });

  test('can be given', () => {
    const { metadata } = only(pod({ metadata: 'uid: my-uid\nnamespace: ns' }));
    expect(metadata).toMatchObject({
      uid: 'my-uid',
      namespace: 'ns',
      name: 'web-node-1',
      annotations: { 'kubernetes.io/config.hash': expect.stringMatching(/^[0-9a-f]{32}$/) as string },
    });
  });

  test('a status in the manifest is not the pod’s', () => {
    expect(only(`${pod()}status: {phase: Running}\n`)).not.toHaveProperty('status');
  });
});

describe('one bad document', () => {
  test('does not keep the others from running', () => {
    const loaded = load(
      `${pod()}---\n${pod().replace('name: web', 'name: db').replace('image', 'imag')}---\nkind: Pod\n`,
    );
    expect(loaded.pods.map((one) => one.pod.metadata.name)).toEqual(['web-node-1']);
    expect(loaded.broken).toEqual([undefined, 'default/db-node-1']);
    expect(loaded.problems).toEqual([
      { origin: FROM.origin, line: 19, severity: 'error', message: 'apiVersion: Required value' },
      {
        origin: FROM.origin,
        line: 16,
        path: 'spec.containers[0].image',
        severity: 'error',
        message: 'Required value',
        pod: 'default/db-node-1',
      },
      {
        origin: FROM.origin,
        line: 17,
        path: 'spec.containers[0].imag',
        severity: 'warning',
        message: 'unknown field "imag": it has no effect',
        pod: 'default/db-node-1',
      },
    ]);
  });

  test('in a list is told with its item', () => {
    const text =
      'apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n  spec:\n    containers:\n    - name: b';
    expect(load(text).problems).toEqual([
      {
        origin: FROM.origin,
        line: 7,
        path: 'items[0].spec.containers[0].image',
        severity: 'error',
        message: 'Required value',
        pod: 'default/a-node-1',
      },
    ]);
  });
});

describe('quality of service', () => {
  const withResources = (...resources: readonly string[]): Pod =>
    only(
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n${resources
        .map((one, index) => `  - {name: c${index}, image: "a:1", resources: ${one}}\n`)
        .join('')}`,
    );

  test.each([
    [['{}'], 'BestEffort'],
    [['{}', '{}'], 'BestEffort'],
    [['{requests: {cpu: 0}}'], 'BestEffort'],
    [['{limits: {cpu: 1, memory: 1Gi}}'], 'Guaranteed'],
    [['{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1000m, memory: 1024Mi}}'], 'Guaranteed'],
    [['{limits: {cpu: 1, memory: 1Gi}}', '{}'], 'Burstable'],
    [['{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}'], 'Burstable'],
    [['{limits: {memory: 1Gi}}'], 'Burstable'],
    [['{requests: {cpu: 1m}}'], 'Burstable'],
    [['{limits: {cpu: 1, memory: 1Gi}}', '{limits: {cpu: 2, memory: 2Gi}}'], 'Guaranteed'],
  ])('%j is %s', (resources, expected) => {
    expect(qosClass(withResources(...resources))).toBe(expected);
  });

  test('totals are limited only when every container is', () => {
    const both = withResources('{limits: {cpu: 1, memory: 1Gi}}', '{limits: {cpu: 250m}, requests: {memory: 1Mi}}');
    expect(podResources(both)).toEqual({
      cpuRequestMilli: 1250,
      cpuLimitMilli: 1250,
      memoryRequest: 2 ** 30 + 2 ** 20,
      memoryLimit: undefined,
    });
    expect(containerResources(both.spec.containers[1]!)).toEqual({
      cpuRequestMilli: 250,
      cpuLimitMilli: 250,
      memoryRequest: 2 ** 20,
      memoryLimit: undefined,
    });
  });
});
