import { describe, expect, test } from 'vitest';
import { load, told } from '../helpers.ts';
import { manifest, only } from './helpers.ts';

const map = (fields: string): string => manifest('ConfigMap', fields);
const KEY =
  "must be a file name of at most 253 of letters, digits, '-', '_' and '.', not '.', and not beginning with '..'";

describe('a ConfigMap', () => {
  test('is taken with its data, an identity and the default namespace', () => {
    const object = only('ConfigMap', map('data: {a.conf: "x\\n", B_b: ""}\nimmutable: true\nstatus: {gone: 1}'));
    expect(object).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'one',
        namespace: 'default',
        uid: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        resourceVersion: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        labels: {},
        annotations: {},
      },
      data: { 'a.conf': 'x\n', B_b: '' },
      immutable: true,
    });
  });

  test('may be empty, and keeps what nobody knows', () => {
    expect(load(map('future: {a: 1}')).objects[0]?.object).toMatchObject({ future: { a: 1 } });
    expect(told(map('future: {a: 1}'))).toEqual(['warning 4 future unknown field "future": it has no effect']);
  });

  test('has binary data in one line of base64', () => {
    expect(only('ConfigMap', map('binaryData:\n  k: |\n    AAEC\n    Aw==\n'))?.binaryData).toEqual({ k: 'AAECAw==' });
  });

  test.each([
    ['data: {a/b: x}', [`4 data[a/b] Invalid value: "a/b": ${KEY}`]],
    ['data: {"..": x}', [`4 data[..] Invalid value: "..": ${KEY}`]],
    ['data: {"..data": x}', [`4 data[..data] Invalid value: "..data": ${KEY}`]],
    ['data: {".": x}', [`4 data[.] Invalid value: ".": ${KEY}`]],
    [`data: {"": x}`, [`4 data[] Invalid value: "": ${KEY}`]],
    ['binaryData: {a b: ""}', [`4 binaryData[a b] Invalid value: "a b": ${KEY}`]],
    ['data: {k: x}\nbinaryData: {k: ""}', ['5 binaryData[k] Invalid value: "k": must not be a key of data too']],
    ['binaryData: {k: "a"}', ['4 binaryData[k] Invalid value: "a": must be base64 with padding']],
    ['binaryData: {k: "ab==", l: "a-_="}', ['4 binaryData[l] Invalid value: "a-_=": must be base64 with padding']],
    ['data: {k: 1}', ['4 data[k] Invalid value: 1: must be a string, not a number (put it in quotes)']],
    ['data: [k]', ['4 data Invalid value: ["k"]: must be an object, not a list']],
    ['immutable: x', ['4 immutable Invalid value: "x": must be a boolean, not a string']],
  ])('is refused with %j', (fields, expected) => {
    expect([told(map(fields)), load(map(fields)).objects]).toEqual([expected, []]);
  });

  test('may be 1 MiB large', () => {
    const sized = (text: number, more = ''): readonly string[] =>
      told(map(`data: {k: "${'x'.repeat(text - 1)}é"}\n${more}`));
    const tooLong = ['4 data Too long: may not be more than 1048576 bytes'];
    expect([sized(1_048_575), sized(1_048_576), sized(1_048_575, 'binaryData: {l: AA==}')]).toEqual([
      [],
      tooLong,
      tooLong,
    ]);
  });
});

describe('the identity of an object', () => {
  const text = (data: string, metadata?: string): string => manifest('ConfigMap', `data: {${data}}`, metadata);
  const identity = (manifestText: string): readonly (string | undefined)[] => {
    const metadata = only('ConfigMap', manifestText)?.metadata;
    return [metadata?.uid, metadata?.resourceVersion];
  };

  test('is that of its content, in any order and with any status', () => {
    expect(identity(text('a: x, b: z'))).toEqual(identity(`${text('b: z, a: x')}status: {a: b}`));
  });

  test('changes with the content', () => {
    const [uid, version] = identity(text('a: x'));
    const [otherUid, otherVersion] = identity(text('a: z'));
    expect([uid === otherUid, version === otherVersion]).toEqual([false, false]);
  });

  test('keeps the UID that it was given, and still has a version of its own', () => {
    const [uid, version] = identity(text('a: x', '{name: one, uid: u-1, resourceVersion: "7"}'));
    expect([uid, version === '7', version]).toEqual(['u-1', false, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  test.each([
    ['{}', ['3 metadata.name Required value']],
    ['{name: one, namespace: A}', ['3 metadata.namespace ' + label('A')]],
    ['{name: one, uid: ../x}', [expect.stringContaining('3 metadata.uid Invalid value: "../x"') as string]],
    ['{name: one, labels: {a: "?"}}', [expect.stringContaining('3 metadata.labels[a] Invalid value') as string]],
  ])('is refused with metadata %s', (metadata, expected) => expect(told(text('', metadata))).toEqual(expected));

  test('is told with the problem', () => {
    const about = (metadata: string): unknown => load(text('a: 1', metadata)).problems.map(({ object }) => object);
    expect(about('{name: one, namespace: ns}')).toEqual(['ConfigMap/ns/one']);
    expect(load(text('a: 1', '{name: one}')).broken).toEqual(['ConfigMap/default/one']);
    expect(load(text('a: 1', '{}')).broken).toEqual([undefined]);
  });
});

function label(value: string): string {
  return `Invalid value: ${JSON.stringify(value)}: must be a lowercase RFC 1123 label: at most 63 of a-z, 0-9 and '-', with a letter or digit at both ends`;
}
