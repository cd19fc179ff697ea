import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectKind, ObjectsByKind, Pod, PodSpec, Volume } from '../../../agent/objects/types.ts';
import { contentPayload, type PayloadFacts } from '../../../agent/volumes/payload-plan.ts';
import { configMap, container, object, pod, reader, secret } from './pods.ts';

const objects: readonly ObjectsByKind[ObjectKind][] = [
  configMap('app', { 'a.conf': 'A', b: 'B' }, { binaryData: { bin: 'AAH/' } }),
  configMap('empty', {}),
  object('ConfigMap', 'bare', {}),
  secret('login', { user: 'me', password: 'ümlaut' }),
];

const facts: PayloadFacts = {
  objects: reader(objects),
  allocatable: { cpuMillis: 2000, memoryBytes: 64, ephemeralStorageBytes: 64 },
  tokens: new Map([[0, 'token']]),
  trustAnchors: new Map([[0, 'roots']]),
};

/** `mode[:uid] text` by path, which is easy to compare. */
function files(source: Omit<Volume, 'name'>, spec: Partial<PodSpec> = {}, with_: Partial<PayloadFacts> = {}) {
  const target: Pod = pod([], spec);
  target.metadata.labels = { tier: 'web', app: 'shop' };
  target.metadata.annotations = { note: 'a "b"' };
  const payload = contentPayload({ name: 'v', ...source }, target, { ...facts, ...with_ });
  return Object.fromEntries(
    [...(payload ?? [])].map(([path, { bytes, mode, uid }]) => [
      path,
      `${mode.toString(8)}${uid === undefined ? '' : `:${uid}`} ${Buffer.from(bytes).toString('latin1')}`,
    ]),
  );
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

describe('configMap and secret', () => {
  it.each<[Omit<Volume, 'name'>, object]>([
    [{ configMap: { name: 'app' } }, { 'a.conf': '644 A', b: '644 B', bin: '644 \x00\x01\xff' }],
    [{ configMap: { name: 'empty' } }, {}],
    [{ configMap: { name: 'bare' } }, {}],
    [{ configMap: { name: 'none', optional: true } }, {}],
    [
      {
        configMap: {
          name: 'app',
          defaultMode: 0o400,
          items: [
            { key: 'b', path: 'x/y' },
            { key: 'b', path: 'z', mode: 0o777 },
          ],
        },
      },
      { 'x/y': '400 B', z: '777 B' },
    ],
    [
      {
        configMap: {
          name: 'app',
          optional: true,
          items: [
            { key: 'no', path: 'x' },
            { key: 'b', path: 'y' },
          ],
        },
      },
      { y: '644 B' },
    ],
    [{ configMap: { name: 'app', items: [{ key: 'b', path: './x//y/' }] } }, { 'x/y': '644 B' }],
    [{ secret: { secretName: 'login' } }, { user: '644 me', password: `644 ${latin1('ümlaut')}` }],
    [{ secret: { secretName: 'login', defaultMode: 0o400, items: [{ key: 'user', path: 'u' }] } }, { u: '400 me' }],
    [{ secret: { secretName: 'none', optional: true } }, {}],
  ])('%j', (source, expected) => {
    expect(files(source)).toEqual(expected);
  });

  it.each<[Omit<Volume, 'name'>, string]>([
    [{ configMap: { name: 'none' } }, 'configmap "none" not found'],
    [{ secret: { secretName: 'none' } }, 'secret "none" not found'],
    [
      { configMap: { name: 'app', items: [{ key: 'no', path: 'x' }] } },
      'configmap references non-existent config key: no',
    ],
    [{ secret: { secretName: 'login', items: [{ key: 'no', path: 'x' }] } }, 'references non-existent secret key: no'],
    [{ configMap: { name: 'app', items: [{ key: 'b', path: '' }] } }, 'invalid path: must not be empty'],
    [{ configMap: { name: 'app', items: [{ key: 'b', path: '/x' }] } }, 'invalid path: must be relative path: /x'],
    [
      { configMap: { name: 'app', items: [{ key: 'b', path: 'x/../y' }] } },
      "invalid path: must not contain '..': x/../y",
    ],
    [
      { configMap: { name: 'app', items: [{ key: 'b', path: '..data' }] } },
      "invalid path: must not start with '..': ..data",
    ],
    [
      { configMap: { name: 'app', items: [{ key: 'b', path: './..data' }] } },
      "invalid path: must not start with '..': ./..data",
    ],
    [{ configMap: { name: 'app', items: [{ key: 'b', path: '.' }] } }, 'invalid path: must name a file: .'],
  ])('%j is an error', (source, message) => {
    expect(() => files(source)).toThrow(new Error(message));
  });

  it('an object of another namespace is not found', () => {
    const other = { ...configMap('app', {}), metadata: { ...configMap('app', {}).metadata, namespace: 'other' } };
    expect(() => files({ configMap: { name: 'app' } }, {}, { objects: reader([other]) })).toThrow(
      new Error('configmap "app" not found'),
    );
  });

  it('no path leaves the volume, or meets the names of the writer', () => {
    const segment = fc.oneof(fc.constantFrom('.', '..', '..data', '', '..2026', 'a', '...'), fc.string());
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 4 }), (segments) => {
        const source = { configMap: { name: 'app', items: [{ key: 'b', path: segments.join('/') }] } };
        let paths: readonly string[];
        try {
          paths = Object.keys(files(source));
        } catch (error) {
          expect(String(error)).toMatch(/^Error: invalid path: /);
          return;
        }
        for (const path of paths) {
          expect(path).not.toMatch(/^\/|^\.\.|\0|\/$|^$/);
          expect(path.split('/')).not.toEqual(expect.arrayContaining(['..']));
        }
      }),
    );
  });
});

describe('downwardAPI', () => {
  const item = (path: string, fieldPath: string) => ({ path, fieldRef: { fieldPath } });

  it('holds what the pod says of itself', () => {
    const items = [
      item('name', 'metadata.name'),
      item('meta/labels', 'metadata.labels'),
      { ...item('note', "metadata.annotations['note']"), mode: 0o400 },
      { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'limits.cpu' } },
      { path: 'memory', resourceFieldRef: { containerName: 'app', resource: 'limits.memory' } },
    ];
    expect(
      files({ downwardAPI: { items, defaultMode: 0o600 } }, { containers: [container({ memory: '1Mi' })] }),
    ).toEqual({
      name: '600 web',
      'meta/labels': '600 app="shop"\ntier="web"',
      note: '400 a "b"',
      cpu: '600 2',
      memory: '600 1048576',
    });
  });

  it('tells all that is wrong', () => {
    const items = [item('a', 'metadata.nothing'), item('b', 'metadata.name'), item('../c', 'metadata.name')];
    expect(() => files({ downwardAPI: { items } })).toThrow(
      new Error("[unsupported fieldPath: metadata.nothing, invalid path: must not contain '..': ../c]"),
    );
  });
});

describe('projected', () => {
  const token = { serviceAccountToken: { path: 'token' } };

  it('takes the later of two files with one path, and one mode for all', () => {
    const sources = [
      token,
      { configMap: { name: 'app', items: [{ key: 'b', path: 'same' }] } },
      { secret: { name: 'login', items: [{ key: 'user', path: 'same' }] } },
      { configMap: { name: 'none', optional: true } },
      { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    ];
    expect(files({ projected: { sources, defaultMode: 0o440 } })).toEqual({
      token: '440 token',
      same: '440 me',
      name: '440 web',
    });
  });

  it.each<[string, Partial<PodSpec>, string]>([
    ['root', {}, '644 token'],
    ['a user', { securityContext: { runAsUser: 1000 } }, '600:1000 token'],
    ['a group', { securityContext: { fsGroup: 2000 } }, '600 token'],
    ['containers of one user', { containers: [container({ securityContext: { runAsUser: 7 } })] }, '600:7 token'],
    [
      'containers of two users',
      { securityContext: { runAsUser: 1 }, initContainers: [container({ securityContext: { runAsUser: 7 } })] },
      '644 token',
    ],
  ])('a token for %s', (_, spec, expected) => {
    expect(files({ projected: { sources: [token] } }, spec)).toEqual({ token: expected });
  });

  it('tells all that is wrong', () => {
    const sources = [token, { configMap: { name: 'none' } }, { secret: { name: 'none' } }];
    expect(() => files({ projected: { sources } }, {}, { tokens: new Map() })).toThrow(
      new Error(
        '[serviceAccountToken needs an API server, and this node stands alone, configmap "none" not found, ' +
          'secret "none" not found]',
      ),
    );
  });

  it('certificates that pods trust, with the rights of a token', () => {
    const sources = [{ clusterTrustBundle: { path: 'ca/roots.pem', name: 'x' } }];
    expect(files({ projected: { sources } })).toEqual({ 'ca/roots.pem': '644 roots' });
    expect(files({ projected: { sources } }, { securityContext: { runAsUser: 7 } })).toEqual({
      'ca/roots.pem': '600:7 roots',
    });
    expect(() => files({ projected: { sources } }, {}, { trustAnchors: new Map() })).toThrow(
      'clusterTrustBundle needs an API server, and this node stands alone',
    );
  });

  it('a source that is not supported is an error', () => {
    const sources = [{ podCertificate: { signerName: 'x.example/y', keyType: 'ED25519' } }];
    expect(() => files({ projected: { sources } })).toThrow('projected source podCertificate is not supported');
  });
});
