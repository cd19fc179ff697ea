import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldRefValue, resourceFieldValue, type DownwardFacts } from '../../../agent/objects/downward.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { anyText, container, FACTS, pod } from '../environment/helpers.ts';

const web = pod(
  { serviceAccountName: 'robot' },
  {
    labels: { zone: 'b', app: 'web', 'example.test/tier': 'front' },
    annotations: { note: 'two\nlines', 'Example.Test/Key': 'upper', config: '{"a":"\\"}' },
  },
);

describe('fields', () => {
  test.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u-1'],
    ['metadata.labels', 'app="web"\nexample.test/tier="front"\nzone="b"'],
    ['metadata.annotations', 'Example.Test/Key="upper"\nconfig="{\\"a\\":\\"\\\\\\"}"\nnote="two\\nlines"'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['example.test/tier']", 'front'],
    ["metadata.labels['missing']", ''],
    ["metadata.labels['constructor']", ''],
    ["metadata.annotations['note']", 'two\nlines'],
    ["metadata.annotations['Example.Test/Key']", 'upper'],
    ['spec.nodeName', 'node-1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.podIP', '192.0.2.7'],
    ['status.podIPs', '192.0.2.7,2001:db8::7'],
    ['status.hostIP', '198.51.100.1'],
    ['status.hostIPs', '198.51.100.1,2001:db8:1::1'],
  ])('%s', (fieldPath, expected) => expect(fieldRefValue(web, fieldPath, FACTS)).toBe(expected));

  test.each(['metadata.labels', 'metadata.annotations', 'spec.serviceAccountName', 'status.podIP', 'status.podIPs'])(
    '%s of a pod that has none is empty',
    (fieldPath) => expect(fieldRefValue(pod(), fieldPath, { ...FACTS, podIps: [] })).toBe(''),
  );

  test.each<[string, string, Partial<DownwardFacts>?]>([
    ['spec.containers', 'unsupported fieldPath: spec.containers'],
    ['', 'unsupported fieldPath: '],
    ["['x']", "unsupported fieldPath: ['x']"],
    ["spec.nodeName['x']", 'fieldPath "spec.nodeName[\'x\']" does not support subscript'],
    ["metadata.labels['a b']", "invalid key subscript in metadata.labels['a b']: must be a name"],
    ["metadata.labels['Example.Test/Key']", "invalid key subscript in metadata.labels['Example.Test/Key']: must be"],
    ['status.hostIP', 'the node has no IP address yet', { hostIps: [] }],
    ['status.hostIPs', 'the node has no IP address yet', { hostIps: [] }],
  ])('%j is refused: %s', (fieldPath, message, facts = {}) =>
    expect(() => fieldRefValue(web, fieldPath, { ...FACTS, ...facts })).toThrow(message),
  );

  test.each([
    ['plain text', '"plain text"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'],
    ['\0\x1b\x7f', '"\\x00\\x1b\\x7f"'],
    ['grün 日本 😀', '"grün 日本 😀"'],
    ['\u00a0\u200b\u{e0001}', '"\\u00a0\\u200b\\U000e0001"'],
  ])('%j is quoted as Go quotes it', (value, expected) => {
    const labelled = pod({}, { annotations: { k: value } });
    expect(fieldRefValue(labelled, 'metadata.annotations', FACTS)).toBe(`k=${expected}`);
  });

  test('a list is one line a key, in printable characters', () => {
    const values = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), anyText(), { maxKeys: 5 });
    fc.assert(
      fc.property(values, (annotations) => {
        const text = fieldRefValue(pod({}, { annotations }), 'metadata.annotations', FACTS);
        const keys = Object.keys(annotations).sort();
        expect(text === '' ? [] : text.split('\n').map((line) => line.split('=')[0])).toEqual(keys);
        expect(text).toMatch(/^[\p{L}\p{M}\p{N}\p{P}\p{S} \n]*$/u);
      }),
    );
  });
});

describe('resources', () => {
  const resources = {
    limits: { cpu: '1500m', memory: '100Mi', 'hugepages-2Mi': '4Mi', 'ephemeral-storage': '2k' },
    requests: { cpu: '250m', memory: '64M' },
  };
  const limited = pod({
    containers: [
      container({ resources }),
      container({ name: 'free' }),
      container({ name: 'zero', resources: { limits: { cpu: 0, memory: '0' } } }),
    ],
    initContainers: [container({ name: 'init', resources: { limits: { cpu: 2 } } })],
    ephemeralContainers: [container({ name: 'debug' })],
  });
  const podLimited: Pod = {
    ...limited,
    spec: { ...limited.spec, resources: { limits: { cpu: '2500m', memory: '1Gi' } } },
  };

  test.each<[Pod, string, string, string | number | undefined, string]>([
    [limited, 'app', 'limits.cpu', undefined, '2'],
    [limited, 'app', 'limits.cpu', '1m', '1500'],
    [limited, 'app', 'limits.cpu', '0', '2'],
    [limited, 'app', 'limits.cpu', 1, '2'],
    [limited, 'app', 'requests.cpu', undefined, '1'],
    [limited, 'app', 'requests.cpu', '1m', '250'],
    [limited, 'app', 'limits.memory', undefined, '104857600'],
    [limited, 'app', 'limits.memory', '1Mi', '100'],
    [limited, 'app', 'limits.memory', '1M', '105'],
    [limited, 'app', 'limits.memory', '1Gi', '1'],
    [limited, 'app', 'requests.memory', '1Ki', '62500'],
    [limited, 'app', 'limits.ephemeral-storage', '1k', '2'],
    [limited, 'app', 'requests.ephemeral-storage', undefined, '0'],
    [limited, 'app', 'limits.hugepages-2Mi', '1Mi', '4'],
    [limited, 'app', 'requests.hugepages-2Mi', undefined, '0'],
    [limited, 'init', 'limits.cpu', undefined, '2'],
    [limited, 'debug', 'limits.cpu', undefined, '4'],
    [limited, 'free', 'limits.cpu', undefined, '4'],
    [limited, 'free', 'limits.cpu', '1m', '3500'],
    [limited, 'free', 'limits.memory', '1Gi', '4'],
    [limited, 'free', 'limits.ephemeral-storage', undefined, '10000'],
    [limited, 'free', 'limits.hugepages-2Mi', undefined, '0'],
    [limited, 'free', 'requests.cpu', undefined, '0'],
    [limited, 'free', 'requests.memory', undefined, '0'],
    [limited, 'zero', 'limits.cpu', '1m', '3500'],
    [limited, 'zero', 'limits.memory', '1Gi', '4'],
    [podLimited, 'free', 'limits.cpu', '1m', '2500'],
    [podLimited, 'free', 'limits.memory', '1Mi', '1024'],
    [podLimited, 'free', 'limits.ephemeral-storage', undefined, '10000'],
    [podLimited, 'app', 'limits.cpu', '1m', '1500'],
  ])('%#: %s of %s by %s', (of, name, resource, divisor, expected) => {
    const ref = { resource, ...(divisor === undefined ? {} : { divisor }) };
    expect(resourceFieldValue(of, name, ref, FACTS.allocatable)).toBe(expected);
  });

  test.each([
    ['none', 'limits.cpu', 'container none not found'],
    ['app', 'limits.pods', 'unsupported container resource: limits.pods'],
    ['app', 'cpu', 'unsupported container resource: cpu'],
  ])('%s %s is refused', (name, resource, message) =>
    expect(() => resourceFieldValue(limited, name, { resource }, FACTS.allocatable)).toThrow(message),
  );

  test('so many divisors hold the value, and one fewer does not', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 2 ** 30 }), (memory, divisor) => {
        const of = pod({ containers: [container({ resources: { requests: { memory } } })] });
        const count = Number(
          resourceFieldValue(of, 'app', { resource: 'requests.memory', divisor }, FACTS.allocatable),
        );
        expect(count * divisor).toBeGreaterThanOrEqual(memory);
        expect((count - 1) * divisor).toBeLessThan(memory);
      }),
    );
  });
});
