import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { load, told } from '../helpers.ts';
import { manifest, only } from './helpers.ts';

const secret = (fields: string, metadata?: string): string => manifest('Secret', fields, metadata);
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const REDACTED = '"<secret contents redacted>"';

describe('a Secret', () => {
  test('is Opaque, with its text among its data', () => {
    const text = secret(`data: {a: ${base64('one')}, b: ${base64('two')}}\nstringData: {b: "2", c: é}`);
    expect(only('Secret', text)).toMatchObject({
      type: 'Opaque',
      data: { a: base64('one'), b: base64('2'), c: base64('é') },
    });
    expect(only('Secret', text)).not.toHaveProperty('stringData');
  });

  test('may be empty', () => expect(only('Secret', secret(''))?.data).toEqual({}));

  test.each([
    ['data: {k: "not base64"}', [`4 data[k] Invalid value: ${REDACTED}: must be base64 with padding`]],
    ['data: {k: 1234}', [`4 data[k] Invalid value: ${REDACTED}: must be a string, not a number (put it in quotes)`]],
    [
      'stringData: {k: {a: ": must be "}}',
      [`4 stringData[k] Invalid value: ${REDACTED}: must be a string, not an object`],
    ],
    ['data: hunter2', [`4 data Invalid value: ${REDACTED}: must be an object, not a string`]],
    ['stringData: {a/b: x}', [expect.stringContaining('4 stringData[a/b] Invalid value: "a/b": must be') as string]],
    ['type: kubernetes.io/dockerconfigjson', ['1 data[.dockerconfigjson] Required value']],
    [
      'type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: "hunter2"}',
      [`1 data[.dockerconfigjson] Invalid value: ${REDACTED}: must be a JSON object`],
    ],
    [
      'type: kubernetes.io/dockercfg\ndata: {.dockercfg: W10=}',
      [`5 data[.dockercfg] Invalid value: ${REDACTED}: must be a JSON object`],
    ],
    ['type: kubernetes.io/tls\nstringData: {tls.crt: x}', ['1 data[tls.key] Required value']],
    ['type: kubernetes.io/basic-auth', ['1 data[username] Required value', '1 data[password] Required value']],
    ['type: kubernetes.io/ssh-auth\ndata: {ssh-privatekey: ""}', ['5 data[ssh-privatekey] Required value']],
    [
      'type: kubernetes.io/service-account-token',
      ['3 metadata.annotations[kubernetes.io/service-account.name] Required value'],
    ],
  ])('is refused with %j', (fields, expected) => {
    expect([told(secret(fields)), load(secret(fields)).objects]).toEqual([expected, []]);
  });

  test('may be 1 MiB large', () => {
    const sized = (bytes: number): readonly string[] => told(secret(`stringData: {k: "${'x'.repeat(bytes)}"}`));
    expect([sized(1_048_576), sized(1_048_577)]).toEqual([
      [],
      ['4 stringData Too long: may not be more than 1048576 bytes'],
    ]);
  });

  test.each([
    'type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: "{\\"auths\\": {}}"}',
    'type: kubernetes.io/dockercfg\ndata: {.dockercfg: e30=}',
    'type: kubernetes.io/tls\nstringData: {tls.crt: x, tls.key: z}',
    'type: kubernetes.io/basic-auth\nstringData: {password: ""}',
    'type: kubernetes.io/ssh-auth\nstringData: {ssh-privatekey: x}',
    'type: example.com/own',
  ])('is taken with %j', (fields) =>
    expect([told(secret(fields)), load(secret(fields)).objects.length]).toEqual([[], 1]),
  );

  test('has a version that follows its values, and a UID that tells nothing of them', () => {
    const [a, b] = ['hunter1', 'hunter2'].map((value) => only('Secret', secret(`stringData: {k: ${value}}`))?.metadata);
    expect([a?.uid === b?.uid, a?.resourceVersion === b?.resourceVersion]).toEqual([true, false]);
  });
});

describe('no problem shows a value of a Secret', () => {
  test.each([
    'stringData: {k: *hunter2}',
    'stringData: {k: |hunter2\n}',
    'stringData:\n  k: "hunter2\n',
    'stringData:\n  k: "a" hunter2\n',
    'stringData: {hunter2, hunter2}',
    'stringData:\n  k: hunter2: hunter2',
    'stringData:\n k: a\n  hunter2:\n - hunter2',
    'stringData: [hunter2',
    'data:\n\thunter2',
    'data: {k: hunter2}',
    'data: {k: [hunter2]}',
    'data: [hunter2]',
    'type: [hunter2]',
    'stringData: {k: {a: {b: ": must be hunter2"}}}',
  ])('%j', (fields) => {
    const { problems, objects } = load(secret(fields));
    expect([objects, problems.length > 0, JSON.stringify(problems).includes('hunter2')]).toEqual([[], true, false]);
  });

  test('also when it is only warned of', () => {
    expect(told(secret('stringData: {k: !hunter2 x}'))).toEqual([
      'warning 4 Unresolved tag (the text is not shown: it may be part of a Secret)',
    ]);
  });

  test('whatever is wrong with its text', () => {
    const mutation = fc.record({
      at: fc.nat(200),
      remove: fc.nat(3),
      insert: fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,"\'|>*&!%@ \n\t-?#')), maxLength: 3 }),
    });
    const text = secret(
      'stringData:\n  k: hunter2\n  "l": "hunter2"\n  m: |\n    hunter2\n  n: {o: hunter2, p: [hunter2]}',
    );
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const start = text.indexOf('stringData:') + 'stringData:'.length;
        const broken = mutations.reduce((whole, { at, remove, insert }) => {
          const index = start + (at % (whole.length - start));
          return whole.slice(0, index) + insert + whole.slice(index + remove);
        }, text);
        // What became a key is shown as one.
        const shown = load(broken).problems.filter(({ path = '' }) => !path.includes('hunter2'));
        expect(shown.filter(({ message }) => message.includes('hunter2'))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
