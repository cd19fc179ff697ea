import { describe, expect, test } from 'vitest';
import { redactJson, redactText } from '../../../agent/support/redact.ts';

describe('text', () => {
  test.each([
    ['-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\nend', '<removed>\nend'],
    ['token eyJhbGciOiJSUzI1.eyJpc3MiOiJr.c2lnbmF0dXJl used', 'token <removed> used'],
    ['join with abcdef.0123456789abcdef now', 'join with abcdef.<removed> now'],
    ['Authorization: Bearer abcdefgh12345', 'Authorization: Bearer <removed>'],
    ['pull https://user:hunter2@registry.test/v2', 'pull https://user:<removed>@registry.test/v2'],
    ['--db-password=hunter2 --verbose', '--db-password=<removed> --verbose'],
    ['API_KEY: "a b c", next', 'API_KEY: <removed>, next'],
    ["clientSecret='x y'", 'clientSecret=<removed>'],
    [
      '-A KUBE-SVC-ABCDEFGHIJKLMNOP -j KUBE-SEP-QRSTUVWXYZ234567',
      '-A KUBE-SVC-ABCDEFGHIJKLMNOP -j KUBE-SEP-QRSTUVWXYZ234567',
    ],
    ['inet 192.0.2.1/24 brd 192.0.2.255', 'inet 192.0.2.1/24 brd 192.0.2.255'],
  ])('%j', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });
});

describe('objects', () => {
  test('lose values of variables, contents of Secrets and ConfigMaps, and fields that are named so', () => {
    const pod = {
      kind: 'Pod',
      metadata: {
        name: 'a',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"env":"x"}', b: 'c' },
      },
      spec: {
        containers: [
          {
            name: 'app',
            args: ['--password=hunter2'],
            env: [
              { name: 'A', value: 'hunter2' },
              { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
            ],
          },
        ],
        volumes: [{ name: 't', secret: { secretName: 's' } }],
      },
    };
    expect(redactJson(pod)).toEqual({
      kind: 'Pod',
      metadata: {
        name: 'a',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '<removed>', b: 'c' },
      },
      spec: {
        containers: [
          {
            name: 'app',
            args: ['--password=<removed>'],
            env: [
              { name: 'A', value: '<removed>' },
              { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
            ],
          },
        ],
        volumes: [{ name: 't', secret: { secretName: 's' } }],
      },
    });
    expect(
      redactJson([{ kind: 'Secret', metadata: { name: 's' }, stringData: { a: 'b' }, data: { a: 'Yg==' } }]),
    ).toEqual([{ kind: 'Secret', metadata: { name: 's' }, stringData: '<removed>', data: '<removed>' }]);
    expect(redactJson({ auth: { password: 'x', registryToken: 'y', tokenFile: '/t' }, n: 3, ok: null })).toEqual({
      auth: { password: '<removed>', registryToken: '<removed>', tokenFile: '/t' },
      n: 3,
      ok: null,
    });
  });
});
