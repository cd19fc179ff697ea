import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContainerConfigError, resolveEnvironment } from '../../../agent/environment/index.ts';
import type { ConfigMap, Container, EnvVarSource, ObjectReader, Pod } from '../../../agent/objects/types.ts';
import { anyText, configMap, container, FACTS, pod, reader, secret, service } from './helpers.ts';

const settings = configMap('settings', { COLOR: 'blue', SIZE: '7', 'log.level': 'debug' });
const credentials = secret('credentials', { PASSWORD: 'swordfish', COLOR: 'red' });
const objects = reader(settings, credentials, configMap('settings', { COLOR: 'other' }, 'elsewhere'));

function resolve(fields: Partial<Container>, { of = pod(), from = objects } = {}): object {
  return Object.fromEntries(
    resolveEnvironment(of, container(fields), { objects: from, facts: FACTS, files: new Map() }),
  );
}

type Env = Container['env'];
type EnvFrom = NonNullable<Container['envFrom']>;

describe('envFrom', () => {
  test.each<[string, EnvFrom, object]>([
    ['a ConfigMap', [{ configMapRef: { name: 'settings' } }], { COLOR: 'blue', SIZE: '7', 'log.level': 'debug' }],
    ['a Secret', [{ secretRef: { name: 'credentials' } }], { COLOR: 'red', PASSWORD: 'swordfish' }],
    [
      'a prefix',
      [{ prefix: 'MY_', secretRef: { name: 'credentials' } }],
      { MY_COLOR: 'red', MY_PASSWORD: 'swordfish' },
    ],
    [
      'two: the later wins',
      [{ configMapRef: { name: 'settings' } }, { secretRef: { name: 'credentials' } }],
      { COLOR: 'red', SIZE: '7', 'log.level': 'debug', PASSWORD: 'swordfish' },
    ],
    [
      'two the other way round',
      [{ secretRef: { name: 'credentials' } }, { configMapRef: { name: 'settings' } }],
      { COLOR: 'blue', PASSWORD: 'swordfish', SIZE: '7', 'log.level': 'debug' },
    ],
    ['optional ones that are not there', [{ configMapRef: { name: 'no', optional: true } }], {}],
    ['an optional Secret that is not there', [{ secretRef: { name: 'no', optional: true } }], {}],
    ['no reference at all', [{ prefix: 'A' }], {}],
  ])('%s', (_, envFrom, expected) => expect(resolve({ envFrom })).toEqual(expected));

  test('keys that cannot be names are left out', () => {
    const from = reader(configMap('odd', { 'a b': '1', 'a=b': '2', ä: '3', '1': '4' }));
    expect(resolve({ envFrom: [{ configMapRef: { name: 'odd' } }] }, { from })).toEqual({ 'a b': '1', '1': '4' });
  });

  test('an object without data gives nothing', () => {
    const { apiVersion, kind, metadata } = configMap('empty', {});
    const empty: ConfigMap = { apiVersion, kind, metadata };
    expect(resolve({ envFrom: [{ configMapRef: { name: 'empty' } }] }, { from: reader(empty) })).toEqual({});
  });
});

describe('env', () => {
  const key = (name: string, at: string, optional?: boolean): EnvVarSource => ({
    configMapKeyRef: { name, key: at, ...(optional === undefined ? {} : { optional }) },
  });
  test.each<[string, Env, object]>([
    ['literals', [{ name: 'A', value: '1' }, { name: 'B' }], { A: '1', B: '' }],
    [
      'the last of one name wins',
      [
        { name: 'A', value: '1' },
        { name: 'A', value: '$(A)2' },
      ],
      { A: '12' },
    ],
    [
      'a reference sees what comes before it',
      [
        { name: 'LATE', value: '$(A)' },
        { name: 'A', value: '1' },
        { name: 'EARLY', value: '<$(A)> $$(A) $(NONE)' },
      ],
      { LATE: '$(A)', A: '1', EARLY: '<1> $(A) $(NONE)' },
    ],
    ['a key of a ConfigMap', [{ name: 'A', valueFrom: key('settings', 'COLOR') }], { A: 'blue' }],
    [
      'a key of a Secret, and its use',
      [
        { name: 'P', valueFrom: { secretKeyRef: { name: 'credentials', key: 'PASSWORD' } } },
        { name: 'URL', value: 'db://u:$(P)@db' },
      ],
      { P: 'swordfish', URL: 'db://u:swordfish@db' },
    ],
    [
      'optional keys that are not there',
      [
        { name: 'A', valueFrom: key('settings', 'NO', true) },
        { name: 'B', valueFrom: key('no', 'NO', true) },
        { name: 'C', valueFrom: { secretKeyRef: { name: 'credentials', key: 'NO', optional: true } } },
        { name: 'D', valueFrom: { secretKeyRef: { name: 'no', key: 'NO', optional: true } } },
      ],
      {},
    ],
    ['a key named as a property of objects', [{ name: 'A', valueFrom: key('settings', 'toString', true) }], {}],
    [
      'fields',
      [
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'IPS', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ],
      { NAME: 'web', IPS: '192.0.2.7,2001:db8::7', NODE: 'node-1' },
    ],
    [
      'resources of the container itself and of another',
      [
        { name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        {
          name: 'SIDE',
          valueFrom: { resourceFieldRef: { containerName: 'side', resource: 'limits.memory', divisor: '1Mi' } },
        },
      ],
      { CPUS: '4', SIDE: '64' },
    ],
    ['an empty source', [{ name: 'A', valueFrom: {} }], { A: '' }],
  ])('%s', (_, env, expected) => {
    const side = container({ name: 'side', resources: { limits: { memory: '64Mi' } } });
    expect(resolve({ env }, { of: pod({ containers: [container(), side] }) })).toEqual(expected);
  });

  test('env wins over envFrom, which wins over Services, and sees both', () => {
    const db = service('db', { clusterIP: '192.0.2.9', ports: [{ port: 5432 }] });
    const from = reader(db, configMap('settings', { DB_SERVICE_PORT: '1', COLOR: 'blue' }));
    const env = [
      { name: 'COLOR', value: 'dark $(COLOR)' },
      { name: 'DB', value: '$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)' },
    ];
    expect(resolve({ env, envFrom: [{ configMapRef: { name: 'settings' } }] }, { from })).toMatchObject({
      COLOR: 'dark blue',
      DB: '192.0.2.9:1',
      DB_SERVICE_HOST: '192.0.2.9',
      DB_SERVICE_PORT: '1',
    });
  });
});

describe('what is missing or unfit', () => {
  const bytes = reader(secret('raw', { KEY: new Uint8Array([0xff, 0xfe]), NUL: 'swordfish\0' }));
  const secretKey = (name: string, key: string): Env => [{ name: 'A', valueFrom: { secretKeyRef: { name, key } } }];
  test.each<[Partial<Container>, string, ObjectReader?]>([
    [{ envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
    [{ envFrom: [{ secretRef: { name: 'x' } }] }, 'secret "x" not found'],
    [{ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'x', key: 'k' } } }] }, 'configmap "x" not found'],
    [{ env: secretKey('x', 'k') }, 'secret "x" not found'],
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } }] },
      "couldn't find key k in ConfigMap shop/settings",
    ],
    [{ env: secretKey('credentials', 'k') }, "couldn't find key k in Secret shop/credentials"],
    [{ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.nope' } } }] }, 'unsupported fieldPath: spec.nope'],
    [
      { env: [{ name: 'A', valueFrom: { resourceFieldRef: { containerName: 'no', resource: 'limits.cpu' } } }] },
      'container no not found',
    ],
    [
      { env: secretKey('raw', 'KEY') },
      'key KEY in Secret shop/raw is not valid UTF-8; mount it as a file instead',
      bytes,
    ],
    [{ env: secretKey('raw', 'NUL') }, 'the value of environment variable A contains a NUL byte', bytes],
  ])('%j: %s', (fields, message, from = objects) => {
    const error: unknown = (() => {
      try {
        return resolve(fields, { from });
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ContainerConfigError);
    expect(error).toMatchObject({ message, reason: 'CreateContainerConfigError' });
    expect(JSON.stringify([error, (error as Error).cause ?? null])).not.toContain('swordfish');
  });
});

test('values of a Secret come through unchanged', () => {
  fc.assert(
    fc.property(anyText(), (value) => {
      fc.pre(!value.includes('\0'));
      const env: Env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }];
      expect(resolve({ env }, { from: reader(secret('s', { k: value })) })).toEqual({ A: value });
    }),
  );
});

describe('Services', () => {
  const address = '192.0.2.9';
  const api = service('kubernetes', { clusterIP: '192.0.2.1', ports: [{ name: 'https', port: 443 }] }, 'default');
  const apiVariables = {
    KUBERNETES_SERVICE_HOST: '192.0.2.1',
    KUBERNETES_SERVICE_PORT: '443',
    KUBERNETES_SERVICE_PORT_HTTPS: '443',
    KUBERNETES_PORT: 'tcp://192.0.2.1:443',
    KUBERNETES_PORT_443_TCP: 'tcp://192.0.2.1:443',
    KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
    KUBERNETES_PORT_443_TCP_PORT: '443',
    KUBERNETES_PORT_443_TCP_ADDR: '192.0.2.1',
  };
  const db = service('my-db.v2', {
    clusterIP: address,
    ports: [
      { name: 'sql-main', port: 5432, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  });
  const dbVariables = {
    MY_DB_V2_SERVICE_HOST: address,
    MY_DB_V2_SERVICE_PORT: '5432',
    MY_DB_V2_SERVICE_PORT_SQL_MAIN: '5432',
    MY_DB_V2_SERVICE_PORT_DNS: '53',
    MY_DB_V2_PORT: `tcp://${address}:5432`,
    MY_DB_V2_PORT_5432_TCP: `tcp://${address}:5432`,
    MY_DB_V2_PORT_5432_TCP_PROTO: 'tcp',
    MY_DB_V2_PORT_5432_TCP_PORT: '5432',
    MY_DB_V2_PORT_5432_TCP_ADDR: address,
    MY_DB_V2_PORT_53_UDP: `udp://${address}:53`,
    MY_DB_V2_PORT_53_UDP_PROTO: 'udp',
    MY_DB_V2_PORT_53_UDP_PORT: '53',
    MY_DB_V2_PORT_53_UDP_ADDR: address,
  };
  const elsewhere = service('other', { clusterIP: '192.0.2.4', ports: [{ port: 1 }] }, 'elsewhere');
  const headless = service('headless', { clusterIP: 'None', ports: [{ port: 1 }] });
  const external = service('external', { type: 'ExternalName', externalName: 'example.test' });
  const mine = service('kubernetes', { clusterIP: '192.0.2.5', ports: [{ port: 6443 }] });
  const v6 = service('6to4', { clusterIP: '2001:db8::9', ports: [{ port: 80 }] });

  test.each<[string, Pod, ObjectReader, object]>([
    [
      'of the own namespace, and the API',
      pod(),
      reader(db, elsewhere, headless, external, api),
      { ...apiVariables, ...dbVariables },
    ],
    ['only the API without service links', pod({ enableServiceLinks: false }), reader(db, api), apiVariables],
    [
      'the API in its own namespace without service links',
      pod({ enableServiceLinks: false }, { namespace: 'default' }),
      reader(api, service('db', { clusterIP: address, ports: [{ port: 1 }] }, 'default')),
      apiVariables,
    ],
    [
      'an own Service named kubernetes',
      pod(),
      reader(mine, api),
      {
        KUBERNETES_SERVICE_HOST: '192.0.2.5',
        KUBERNETES_SERVICE_PORT: '6443',
        KUBERNETES_PORT: 'tcp://192.0.2.5:6443',
        KUBERNETES_PORT_6443_TCP: 'tcp://192.0.2.5:6443',
        KUBERNETES_PORT_6443_TCP_PROTO: 'tcp',
        KUBERNETES_PORT_6443_TCP_PORT: '6443',
        KUBERNETES_PORT_6443_TCP_ADDR: '192.0.2.5',
      },
    ],
    [
      'IPv6, and a name with a digit first',
      pod(),
      reader(v6),
      {
        _6TO4_SERVICE_HOST: '2001:db8::9',
        _6TO4_SERVICE_PORT: '80',
        _6TO4_PORT: 'tcp://[2001:db8::9]:80',
        _6TO4_PORT_80_TCP: 'tcp://[2001:db8::9]:80',
        _6TO4_PORT_80_TCP_PROTO: 'tcp',
        _6TO4_PORT_80_TCP_PORT: '80',
        _6TO4_PORT_80_TCP_ADDR: '2001:db8::9',
      },
    ],
  ])('%s', (_, of, from, expected) => expect(resolve({}, { of, from })).toEqual(expected));
});
