import { expect, test } from 'vitest';
import { parseConfigFile } from '../../agent/config/file.ts';
import { ConfigError } from '../../agent/config/error.ts';
import { loadManifest, validatePod } from '../../agent/objects/index.ts';
import { parseCheckpoint } from '../../agent/sources/api-checkpoint-plan.ts';
import { fuzz } from './fuzz.ts';

const from = { origin: '/manifests/web.yaml', nodeName: 'node-1', seenAt: 0 };

/** What comes out is a valid pod, or a problem that says where; and JSON keeps the pod. */
function checkLoad(input: Buffer): void {
  const { pods, objects, problems, broken } = loadManifest(input.toString('utf8'), from);
  expect(pods.length + objects.length + problems.length).toBeGreaterThan(0);
  if (broken.length > 0) expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
  for (const { line } of problems) expect(line ?? 1).toBeGreaterThan(0);
  for (const { pod } of pods) {
    if (validatePod(pod).some(({ path }) => path[0] !== 'metadata')) expect.fail('a pod that is not valid');
    expect(JSON.parse(JSON.stringify(pod))).toEqual(pod);
  }
}

test('manifests', async () => {
  const seeds = [
    'kind: Pod\napiVersion: v1\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: a, image: "a:1", env: [{name: A, value: b}]}\n',
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"w"},"spec":{"containers":[{"name":"a","image":"a","ports":[{"containerPort":80}]}]}}',
    'kind: Pod\napiVersion: v1\nmetadata:\n  name: v\nspec:\n  volumes: [{name: d, emptyDir: {sizeLimit: 1Mi}}]\n  containers:\n  - name: a\n    image: a\n    volumeMounts: [{name: d, mountPath: /d}]\n',
    'kind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\ndata: {a: "1"}\nbinaryData: {b: AAEC}\n',
    'kind: Service\napiVersion: v1\nmetadata: {name: s}\nspec: {selector: {a: b}, ports: [{port: 80, targetPort: http}]}\n',
    'kind: Secret\napiVersion: v1\nmetadata: {name: x}\nstringData: {a: b}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: d}\n',
  ];
  await fuzz({ seeds, decode: checkLoad });
});

test('configuration of kubelet, kube-proxy and podwright', async () => {
  const seeds = [
    'kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nstaticPodPath: /m\nevictionHard: {memory.available: 5%}\nmaxPods: 9\n',
    'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: ipvs\nipvs: {syncPeriod: 30s}\n',
  ];
  const decode = (input: Buffer): unknown => parseConfigFile('/c.yaml', input.toString('utf8'));
  await fuzz({ seeds, decode, refuses: (error) => error instanceof ConfigError });
});

test('what the API server last wanted, as it is kept on disk', async () => {
  const pod = { metadata: { name: 'a', uid: 'u' }, spec: { nodeName: 'node-1', containers: [] } };
  const map = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'm', namespace: 'n', uid: 'm' } };
  await fuzz({
    seeds: [JSON.stringify({ version: 1, pods: [pod], objects: [map] })],
    decode: (input) => parseCheckpoint(input.toString('utf8'), 'node-1'),
    refuses: (error) => error instanceof Error && !(error instanceof TypeError),
  });
});
