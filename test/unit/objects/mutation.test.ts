import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { IPod } from 'kubernetes-models/v1';
import { defaultPod } from '../../../agent/objects/defaults.ts';
import { loadManifest, validatePod } from '../../../agent/objects/index.ts';
import { POD_SHAPE } from '../../../agent/objects/pod-schema.ts';
import { checkShape } from '../../../agent/objects/schema.ts';
import { FULL_SPEC } from './full-pod.ts';
import { FROM } from './helpers.ts';

const FULL = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' }, annotations: { 'a.b/c': 'd' }, uid: 'x-1' },
  spec: {
    restartPolicy: 'OnFailure',
    hostNetwork: false,
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 5,
    tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
    volumes: [
      { name: 'data', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'host', hostPath: { path: '/srv', type: 'DirectoryOrCreate' } },
    ],
    containers: [
      {
        name: 'app',
        image: 'registry/app:1',
        command: ['sh', '-c'],
        args: ['echo $(A)'],
        env: [{ name: 'A', value: 'b' }],
        ports: [{ name: 'http', containerPort: 80, hostPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1' }],
        resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: 0.25 } },
        volumeMounts: [{ name: 'data', mountPath: '/data', readOnly: true, mountPropagation: 'None' }],
      },
      { name: 'side', image: 'side@sha256:abc', tty: true, stdin: true, workingDir: '/' },
    ],
  },
};

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

const leaf = fc.oneof(
  fc.constantFrom<Tree>(null, true, false, 0, -1, 1.5, 1e300, '', '..', '/', 'a', '1', '\u0000', '$(A)', [], {}),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.jsonValue().map((value) => value as Tree),
);

interface Mutation {
  readonly at: number;
  readonly how: 'drop' | 'replace' | 'duplicate' | 'rename';
  readonly value: Tree;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(600),
  how: fc.constantFrom('drop', 'replace', 'duplicate', 'rename'),
  value: leaf,
});

/** Applies a mutation to the n-th member found in depth-first order. */
function mutate(tree: Tree, { at, how, value }: Mutation): Tree {
  const members: { readonly parent: Tree[] | { [key: string]: Tree }; readonly key: string }[] = [];
  const visit = (node: Tree): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      members.push({ parent: node, key });
      visit(child);
    }
  };
  visit(tree);
  const member = members[at % Math.max(1, members.length)];
  if (member === undefined) return tree;
  const { parent, key } = member;
  if (Array.isArray(parent)) {
    const index = Number(key);
    const old = parent[index] ?? null;
    parent.splice(index, 1, ...{ drop: [], replace: [value], duplicate: [old, old], rename: [value, old] }[how]);
  } else {
    const old = parent[key] ?? null;
    if (how === 'drop' || how === 'rename') Reflect.deleteProperty(parent, key);
    if (how === 'replace') parent[key] = value;
    if (how === 'duplicate') parent[`${key}s`] = old;
    if (how === 'rename') parent[JSON.stringify(value).slice(0, 20)] = old;
  }
  return tree;
}

const mutated = fc.tuple(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.boolean()).map(([mutations, yaml]) => {
  const tree = mutations.reduce<Tree>(mutate, structuredClone(FULL));
  return yaml ? stringify(tree, { version: '1.1' }) : JSON.stringify(tree, null, 1);
});

const text = stringify(FULL, { version: '1.1' });

/** Loading never throws; what comes out is a valid pod or a problem that says where, and JSON keeps the pod. */
function checkLoad(manifest: string): void {
  const { pods, problems, broken } = loadManifest(manifest, FROM);
  expect(pods.length + problems.length).toBeGreaterThan(0);
  if (broken.length > 0) expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
  for (const problem of problems) expect(problem.line ?? 1).toBeGreaterThan(0);
  for (const { pod } of pods) {
    expect(validatePod(pod).filter(({ path }) => path[0] !== 'metadata')).toEqual([]);
    expect(JSON.parse(JSON.stringify(pod))).toEqual(pod);
    expect(pod.metadata.uid).not.toBe('');
  }
}

test('the manifest that is mutated is valid', () => {
  const { pods, problems } = loadManifest(text, FROM);
  expect(pods).toHaveLength(1);
  expect(problems).toEqual([]);
});

test('2,000 manifests with mutated values', { timeout: 120_000 }, () => {
  fc.assert(fc.property(mutated, checkLoad), { numRuns: 2_000 });
});

const mutatedSpec = fc
  .array(mutation, { minLength: 1, maxLength: 4 })
  .map((mutations) => mutations.reduce<Tree>(mutate, structuredClone(FULL_SPEC) as Tree));

test(
  '1,500 specs with mutated values: what has the shape of a Pod can be defaulted and checked',
  { timeout: 120_000 },
  () => {
    fc.assert(
      fc.property(mutatedSpec, (spec) => {
        const value = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec };
        if (checkShape(value, POD_SHAPE, []).some(({ severity }) => severity === 'error')) return;
        const pod = defaultPod(value as unknown as IPod);
        expect(defaultPod(pod as IPod)).toEqual(pod);
        for (const { path } of validatePod(pod)) expect(['metadata', 'spec']).toContain(path[0]);
      }),
      { numRuns: 1_500 },
    );
  },
);
