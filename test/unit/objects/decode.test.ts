import { describe, expect, test } from 'vitest';
import { decodeManifest } from '../../../agent/objects/index.ts';
import { told } from './helpers.ts';

const names = (text: string): readonly unknown[] =>
  decodeManifest(text, 'f').documents.map(({ value }) => (value.metadata as { name: string }).name);
const document = (text: string): unknown =>
  decodeManifest(`apiVersion: v1\nkind: Pod\n${text}`, 'f').documents[0]?.value;

const KINDS =
  'a manifest holds Pod, ConfigMap, Secret, PersistentVolume, PersistentVolumeClaim, Service, Endpoints, EndpointSlice, or a List of them';
const SUBDOMAIN =
  "Invalid value: \"A\": must be a lowercase RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends of every part";

describe('a manifest', () => {
  test.each([
    ['one document', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}', ['a']],
    ['JSON', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}', ['a']],
    ['JSON with tabs', '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"metadata": {\n\t\t"name": "a"\n\t}\n}\n', ['a']],
    ['a byte order mark', '\uFEFFapiVersion: v1\nkind: Pod\nmetadata: {name: a}', ['a']],
    [
      'many documents, some blank',
      '---\n# first\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n...\n',
      ['a', 'b'],
    ],
    ['a PodList', 'apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}', ['a', 'b']],
    ['a List', 'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}}]', ['a']],
    ['an empty List', 'apiVersion: v1\nkind: List\nitems:', []],
  ])('%s', (_what, text, expected) => expect(names(text)).toEqual(expected));

  test.each([
    ['', ['1 the file holds no Kubernetes object']],
    ['# nothing\n', ['1 the file holds no Kubernetes object']],
    ['\u0000\u0001', ['1 the file is not text']],
    ['just text', ['1 a document must be a Kubernetes object, not a string']],
    ['\n\n- a', ['3 a document must be a Kubernetes object, not a list']],
    ['a: 1', ['1 kind: Required value']],
    ['kind: Pod', ['1 apiVersion: Required value']],
    ['apiVersion: apps/v1\nkind: Deployment', ['1 Deployment of "apps/v1" is not a kind that runs on a node']],
    ['apiVersion: v1\nkind: Node', [`1 unknown kind "Node": ${KINDS}`]],
    ['apiVersion: v1\nkind: NodeList', [`1 unknown kind "NodeList": ${KINDS}`]],
    ['apiVersion: v1\nkind: ListList', [`1 unknown kind "ListList": ${KINDS}`]],
    ['apiVersion: v1\nkind: SecretList\nitems: [{metadata: {name: A}}]', [`3 items[0].metadata.name ${SUBDOMAIN}`]],
    [
      'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n- 3\n- apiVersion: v1\n  kind: List\n',
      [
        '6 items[1] a document must be a Kubernetes object, not a number',
        `7 items[2] unknown kind "List": ${KINDS}`,
        '4 items[0].metadata.name Required value',
      ],
    ],
    ['apiVersion: v1\nkind: List\nitems: {}', ['3 items Invalid value: must be a list, not an object']],
    ['a: 1\nb: 2\na: 3', ['3 duplicate key "a"']],
    ['a: .inf', ['1 Infinity is no JSON value']],
    ['? [a]\n: 1', ['1 a key must be text']],
    ['a: *nobody', ['1 unknown anchor "nobody"']],
    ['%YAML 1.2\n---\na: 1', ['3 Kubernetes reads YAML 1.1: remove the %YAML directive']],
    ['&a [*a]', ['1 nested deeper than 64 levels']],
    ['['.repeat(100_000), ['1 nested deeper than 64 levels']],
    ['- '.repeat(5_000), ['1 nested deeper than 64 levels']],
    ['{"a":'.repeat(100_000), ['1 nested deeper than 64 levels']],
    [
      `- "${'x'.repeat(1_600_000)}"`,
      ['1 larger than 1572864 characters, the most that is read as YAML: split the file'],
    ],
  ])('%j is told with its line', (text, expected) => expect(told(text)).toEqual(expected));

  test('aliases of aliases cannot fill the memory', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const items = Array<string>(9).fill(level === 0 ? 'x' : `*a${level - 1}`);
      return `a${level}: &a${level} [${items.join(',')}]`;
    });
    expect(told(levels.join('\n'))).toEqual(['5 aliases stand for more than 10000 values']);
  });

  test('large JSON is read, without lines', () => {
    const value = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a', annotations: { x: 'y'.repeat(2e6) }, uid: null },
    };
    const { documents, problems } = decodeManifest(JSON.stringify(value), 'f');
    expect(problems).toEqual([]);
    expect(documents[0]?.value.metadata).toEqual({ name: 'a', annotations: { x: 'y'.repeat(2e6) } });
    expect(documents[0]?.lineOf(['metadata'])).toBeUndefined();
  });

  test('scalars are those of YAML 1.1 as Go reads it', () => {
    const text = `v:
- 0644
- 0x1f
- 1_000
- yes
- off
- y
- 12:30
- 2026-01-31
- 2026-01-31T00:00:00Z
- ~
- 1e3
- "0644"`;
    expect(document(text)).toMatchObject({
      v: [420, 31, 1000, true, false, true, '12:30', '2026-01-31', '2026-01-31T00:00:00Z', null, 1000, '0644'],
    });
  });

  test('anchors, merge keys and null fields', () => {
    const text = 'a: &base {x: 1, w: 2}\nb: {<<: *base, w: 3}\nc: {<<: [*base, {z: 4}]}\nd: ~\ne: {f: null}';
    expect(document(text)).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      a: { x: 1, w: 2 },
      b: { x: 1, w: 3 },
      c: { x: 1, w: 2, z: 4 },
      e: {},
    });
  });

  test('names that JavaScript objects inherit are fields like any other', () => {
    const value = document('metadata: {labels: {__proto__: a, constructor: b}}') as { metadata: { labels: object } };
    expect(Object.entries(value.metadata.labels)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
