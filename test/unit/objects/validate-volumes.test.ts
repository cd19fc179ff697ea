import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../agent/objects/json.ts';
import { specProblems } from './spec-problems.ts';

type Row = readonly [volume: JsonObject, problems: readonly string[]];

const problemsOf = (volume: JsonObject, spec: JsonObject = {}): readonly string[] =>
  specProblems({ ...spec, volumes: [{ name: 'v', ...volume }] }).map((one) => one.replaceAll('spec.volumes[0]', 'V'));

const MODE = 'must be a number between 0 and 0777 (octal), both inclusive';

describe('a volume', () => {
  test.each<Row>([
    [{ configMap: {} }, ['V.configMap.name: Required value']],
    [{ secret: {} }, ['V.secret.secretName: Required value']],
    [
      { configMap: { name: 'a', defaultMode: 0o1000, items: [{}, { key: 'a', path: '/b', mode: -1 }] } },
      [
        `V.configMap.defaultMode: Invalid value: 512: ${MODE}`,
        'V.configMap.items[0].key: Required value',
        'V.configMap.items[0].path: Required value',
        'V.configMap.items[1].path: Invalid value: "/b": must be a relative path',
        `V.configMap.items[1].mode: Invalid value: -1: ${MODE}`,
      ],
    ],
    [
      {
        secret: {
          secretName: 'a',
          items: ['a/../b', '..', '..data', '...', 'a\nb', 'a/..b', 'a..'].map((path) => ({ key: 'k', path })),
        },
      },
      [
        `V.secret.items[0].path: Invalid value: "a/../b": must not contain '..'`,
        `V.secret.items[1].path: Invalid value: "..": must not contain '..'`,
        `V.secret.items[2].path: Invalid value: "..data": must not start with '..'`,
        `V.secret.items[3].path: Invalid value: "...": must not start with '..'`,
        'V.secret.items[4].path: Invalid value: "a\\nb": must not contain control characters',
      ],
    ],
    [
      {
        downwardAPI: {
          defaultMode: 9999,
          items: [
            {},
            { path: 'a', fieldRef: { fieldPath: 'metadata.name' }, resourceFieldRef: { resource: 'limits.cpu' } },
            { path: 'b', fieldRef: { fieldPath: 'status.podIP' } },
            { path: 'c', resourceFieldRef: { resource: 'limits.cpu', containerName: 'db' }, mode: 512 },
          ],
        },
      },
      [
        `V.downwardAPI.defaultMode: Invalid value: 9999: ${MODE}`,
        'V.downwardAPI.items[0].path: Required value',
        'V.downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required',
        'V.downwardAPI.items[1].resourceFieldRef.containerName: Required value',
        'V.downwardAPI.items[1]: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously',
        'V.downwardAPI.items[2].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
        'V.downwardAPI.items[3].resourceFieldRef.containerName: Not found: "db"',
        `V.downwardAPI.items[3].mode: Invalid value: 512: ${MODE}`,
      ],
    ],
    [{ persistentVolumeClaim: {} }, ['V.persistentVolumeClaim.claimName: Required value']],
    [{ nfs: {} }, ['V.nfs.server: Required value', 'V.nfs.path: Required value']],
    [{ nfs: { server: 'a', path: 'b' } }, ['V.nfs.path: Invalid value: "b": must be an absolute path']],
    [
      { image: { pullPolicy: 'Sometimes' } },
      [
        'V.image.reference: Required value',
        'V.image.pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
      ],
    ],
    [
      { emptyDir: {}, configMap: { name: 'a' }, csi: { driver: 'a' } },
      ['configMap', 'csi'].map((name) => `V.${name}: Forbidden: may not specify more than 1 volume type`),
    ],
    [
      { configMap: { name: 1, items: {}, optional: 'no' } },
      [
        'V.configMap.name: Invalid value: 1: must be a string, not a number (put it in quotes)',
        'V.configMap.items: Invalid value: {}: must be a list, not an object',
        'V.configMap.optional: Invalid value: "no": must be a boolean, not a string',
      ],
    ],
  ])('%j', (volume, problems) => expect(problemsOf(volume)).toEqual(problems));
});

describe('a projected volume', () => {
  const projected = (...sources: readonly JsonValue[]): JsonObject => ({ projected: { sources } });
  const S = 'V.projected.sources[0]';
  const config = (...paths: readonly string[]): JsonObject => ({
    configMap: { name: 'a', items: paths.map((path) => ({ key: 'k', path })) },
  });
  const certificate = { signerName: 'a.example/b', keyType: 'ED25519', credentialBundlePath: 'a' };

  test.each<Row>([
    [projected(), []],
    [{ projected: { defaultMode: 512 } }, [`V.projected.defaultMode: Invalid value: 512: ${MODE}`]],
    [
      projected({ configMap: {}, secret: {} }),
      [
        `${S}.secret.name: Required value`,
        `${S}.configMap.name: Required value`,
        `${S}: Forbidden: may not specify more than 1 volume type per source`,
      ],
    ],
    [
      projected(config('a', 'b', 'a'), { secret: { name: 's', items: [{ key: 'k', path: 'b' }] } }),
      [
        `${S}.configMap.items[2].path: Invalid value: "a": conflicting duplicate paths`,
        'V.projected.sources[1].secret.items[0].path: Invalid value: "b": conflicting duplicate paths',
      ],
    ],
    [
      projected(
        { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.uid' } }] } },
        { serviceAccountToken: { path: 'a' } },
        { clusterTrustBundle: { name: 'n', path: 'a' } },
        { podCertificate: certificate },
      ),
      [
        'V.projected.sources[1].serviceAccountToken.path: Invalid value: "a": conflicting duplicate paths',
        'V.projected.sources[2].clusterTrustBundle.path: Invalid value: "a": conflicting duplicate paths',
        'V.projected.sources[3].podCertificate.credentialBundlePath: Invalid value: "a": conflicting duplicate paths',
      ],
    ],
    [
      projected({ serviceAccountToken: { expirationSeconds: 599 } }),
      [
        `${S}.serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes`,
        `${S}.serviceAccountToken.path: Required value`,
      ],
    ],
    [
      projected({ serviceAccountToken: { path: '../a', expirationSeconds: 2 ** 32 + 1 } }),
      [
        `${S}.serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds`,
        `${S}.serviceAccountToken.path: Invalid value: "../a": must not contain '..'`,
      ],
    ],
    [
      projected({ clusterTrustBundle: {} }),
      [
        `${S}.clusterTrustBundle: Required value: either name or signerName must be specified`,
        `${S}.clusterTrustBundle.path: Required value`,
      ],
    ],
    [
      projected({ clusterTrustBundle: { name: '', signerName: '', path: 'a', labelSelector: {} } }),
      [
        `${S}.clusterTrustBundle: Invalid value: {"name":"","signerName":"","path":"a","labelSelector":{}}: only one of name and signerName may be used`,
        `${S}.clusterTrustBundle.name: Required value: must be a valid object name`,
        `${S}.clusterTrustBundle.signerName: Required value: must be a valid signer name`,
        `${S}.clusterTrustBundle.labelSelector: Invalid value: {}: labelSelector must be unset if name is specified`,
      ],
    ],
    [
      projected({ podCertificate: {} }),
      [
        `${S}.podCertificate.signerName: Required value`,
        `${S}.podCertificate.keyType: Required value`,
        `${S}.podCertificate: Required value: specify at least one of credentialBundlePath and keyPath`,
      ],
    ],
    [
      projected({ podCertificate: { ...certificate, keyType: 'DSA', maxExpirationSeconds: 1, keyPath: '/k' } }),
      [
        `${S}.podCertificate.keyType: Unsupported value: "DSA": supported values: "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096"`,
        `${S}.podCertificate.maxExpirationSeconds: Invalid value: 1: must be between 3600 and 7862400, inclusive`,
        `${S}.podCertificate.keyPath: Invalid value: "/k": must be a relative path`,
      ],
    ],
  ])('%j', (volume, problems) => expect(problemsOf(volume, { serviceAccountName: 'a' })).toEqual(problems));

  test('needs a service account for its token', () => {
    expect(problemsOf(projected({ serviceAccountToken: { path: 'a' } }))).toEqual([
      `${S}.serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set`,
    ]);
  });
});
