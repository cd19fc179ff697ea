import fc from 'fast-check';
import type { IPod } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { defaultPod } from '../../../agent/objects/defaults.ts';
import type { Container } from '../../../agent/objects/types.ts';
import { FULL_SPEC } from './full-pod.ts';
import { APP, defaulted, podOf, specProblems } from './spec-problems.ts';

const container = (fields: object): Container | undefined =>
  defaulted({ containers: [{ ...APP, ...fields }] }).spec.containers[0];

describe('a container', () => {
  const probe = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };

  test.each([
    [{ livenessProbe: {} }, { livenessProbe: probe }],
    [
      { startupProbe: { exec: { command: ['a'] }, timeoutSeconds: 0, failureThreshold: 30 } },
      { startupProbe: { ...probe, exec: { command: ['a'] }, failureThreshold: 30 } },
    ],
    [
      { readinessProbe: { httpGet: { port: 80, path: '', scheme: '' } } },
      { readinessProbe: { ...probe, httpGet: { port: 80, path: '/', scheme: 'HTTP' } } },
    ],
    [
      { readinessProbe: { httpGet: { port: 'a', path: '/b', scheme: 'HTTPS' } } },
      { readinessProbe: { ...probe, httpGet: { port: 'a', path: '/b', scheme: 'HTTPS' } } },
    ],
    [{ livenessProbe: { grpc: { port: 1 } } }, { livenessProbe: { ...probe, grpc: { port: 1, service: '' } } }],
    [{ livenessProbe: { tcpSocket: { port: 1 } } }, { livenessProbe: { ...probe, tcpSocket: { port: 1 } } }],
    [
      {
        lifecycle: { preStop: { httpGet: { port: 1 } }, postStart: { exec: { command: ['a'] } }, stopSignal: 'SIGINT' },
      },
      {
        lifecycle: {
          preStop: { httpGet: { port: 1, path: '/', scheme: 'HTTP' } },
          postStart: { exec: { command: ['a'] } },
          stopSignal: 'SIGINT',
        },
      },
    ],
    [
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      { env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }] },
    ],
    [
      { resources: { limits: { cpu: 1 } } },
      {
        resources: { limits: { cpu: 1 }, requests: { cpu: 1 } },
        resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
      },
    ],
    [
      {
        resources: { requests: { cpu: 1, memory: 1 } },
        resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
      },
      {
        resources: { requests: { cpu: 1, memory: 1 } },
        resizePolicy: [
          { resourceName: 'memory', restartPolicy: 'RestartContainer' },
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        ],
      },
    ],
    [{ securityContext: { runAsUser: 1 } }, { securityContext: { runAsUser: 1, procMount: 'Default' } }],
  ])('with %j', (given, expected) => {
    expect(container(given)).toEqual({ ...container({}), ...expected });
  });

  test('of any kind gets them', () => {
    const given = { name: 'a', image: 'b', livenessProbe: { exec: { command: ['a'] } } };
    const { initContainers, ephemeralContainers } = defaulted({
      initContainers: [given],
      ephemeralContainers: [{ ...given, targetContainerName: 'app' }],
    }).spec;
    const expected = container(given);
    expect(initContainers).toEqual([expected]);
    expect(ephemeralContainers).toEqual([{ ...expected, targetContainerName: 'app' }]);
  });
});

test.each([
  [{}, { emptyDir: {} }],
  [{ emptyDir: { medium: 'Memory' } }, { emptyDir: { medium: 'Memory' } }],
  [{ hostPath: { path: '/a' } }, { hostPath: { path: '/a', type: '' } }],
  [{ configMap: { name: 'a' } }, { configMap: { name: 'a', defaultMode: 0o644 } }],
  [{ secret: { secretName: 'a', defaultMode: 0 } }, { secret: { secretName: 'a', defaultMode: 0 } }],
  [
    { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.name' } }] } },
    {
      downwardAPI: {
        items: [{ path: 'a', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }],
        defaultMode: 0o644,
      },
    },
  ],
  [
    {
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.uid' } }] } },
          { podCertificate: { signerName: 'a/b', keyType: 'ED25519' } },
          { configMap: { name: 'a' } },
        ],
      },
    },
    {
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { downwardAPI: { items: [{ path: 'a', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } }] } },
          { podCertificate: { signerName: 'a/b', keyType: 'ED25519', maxExpirationSeconds: 86_400 } },
          { configMap: { name: 'a' } },
        ],
        defaultMode: 0o644,
      },
    },
  ],
  [{ projected: {} }, { projected: { sources: [], defaultMode: 0o644 } }],
  [{ image: { reference: 'a' } }, { image: { reference: 'a', pullPolicy: 'Always' } }],
  [{ image: { reference: 'a:1' } }, { image: { reference: 'a:1', pullPolicy: 'IfNotPresent' } }],
  [
    { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } } },
    { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem' } } } },
  ],
])('a volume with %j', (given, expected) => {
  expect(defaulted({ volumes: [{ name: 'v', ...given }] }).spec.volumes).toEqual([{ name: 'v', ...expected }]);
});

test('the old name of the service account counts, the new one more', () => {
  expect(defaulted({ serviceAccount: 'old' }).spec.serviceAccountName).toBe('old');
  expect(defaulted({ serviceAccount: 'old', serviceAccountName: 'new' }).spec.serviceAccountName).toBe('new');
});

test('the fullest pod is valid, and nothing of it is lost', () => {
  expect(specProblems(FULL_SPEC)).toEqual([]);
  expect(defaulted(FULL_SPEC).spec).toMatchObject(FULL_SPEC);
});

test('what has its defaults is not changed by them', () => {
  const names = Object.keys(FULL_SPEC).filter((name) => name !== 'containers');
  fc.assert(
    fc.property(fc.subarray(names), (kept) => {
      const pod = defaultPod(
        podOf(Object.fromEntries(kept.map((name) => [name, FULL_SPEC[name] ?? '']))) as unknown as IPod,
      );
      expect(defaultPod(pod as IPod)).toEqual(pod);
    }),
  );
});
