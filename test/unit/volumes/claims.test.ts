import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../agent/objects/types.ts';
import { createClaimBinder } from '../../../agent/volumes/claims.ts';
import { bindClaims, claimKey } from '../../../agent/volumes/claims-plan.ts';
import { object, reader } from './pods.ts';

const RWO = ['ReadWriteOnce'];

const volume = (name: string, spec: object = {}, labels: Record<string, string> = {}): PersistentVolume => {
  const made = object('PersistentVolume', name, { spec: { capacity: { storage: '1Gi' }, accessModes: RWO, ...spec } });
  return { ...made, metadata: { ...made.metadata, labels } };
};
const claim = (name: string, spec: object = {}): PersistentVolumeClaim =>
  object('PersistentVolumeClaim', name, {
    spec: { resources: { requests: { storage: '1Gi' } }, accessModes: RWO, ...spec },
  });
const refersTo = (name: string, more: object = {}) => ({ claimRef: { namespace: 'default', name, ...more } });

function bind(
  claims: readonly PersistentVolumeClaim[],
  volumes: readonly PersistentVolume[],
  records: Readonly<Record<string, string>> = {},
) {
  const known = Object.entries(records).map(([name, target]) => [`default/${name}`, target] as const);
  const bindings = bindClaims(claims, volumes, new Map(known));
  const short = (key: string): string => key.replace('default/', '');
  return {
    bound: Object.fromEntries([...bindings.volumes].map(([key, { metadata }]) => [short(key), metadata.name])),
    records: Object.fromEntries([...bindings.records].map(([key, target]) => [short(key), target])),
  };
}

/** Bound by choice, which is recorded. */
const chosen = (bound: Record<string, string>) => ({ bound, records: bound });
const none = chosen({});

describe('a claim gets', () => {
  it.each<[string, PersistentVolumeClaim, PersistentVolume[], object]>([
    [
      'the smallest that fits',
      claim('c'),
      [
        volume('big', { capacity: { storage: '9Gi' } }),
        volume('fit'),
        volume('small', { capacity: { storage: '1023Mi' } }),
      ],
      chosen({ c: 'fit' }),
    ],
    ['of two alike the first by name', claim('c'), [volume('b'), volume('a')], chosen({ c: 'a' })],
    ['none that is too small', claim('c', { resources: { requests: { storage: '2Gi' } } }), [volume('v')], none],
    ['none without a capacity', claim('c'), [volume('v', { capacity: {} })], none],
    [
      'one with all its access modes',
      claim('c', { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }),
      [volume('a'), volume('b', { accessModes: ['ReadOnlyMany', 'ReadWriteOnce', 'ReadWriteMany'] })],
      chosen({ c: 'b' }),
    ],
    [
      'one of its class',
      claim('c', { storageClassName: 'fast' }),
      [volume('a'), volume('b', { storageClassName: 'fast' })],
      chosen({ c: 'b' }),
    ],
    [
      'one without a class',
      claim('c', { storageClassName: '' }),
      [volume('a', { storageClassName: 'fast' }), volume('b')],
      chosen({ c: 'b' }),
    ],
    [
      'one of its mode',
      claim('c', { volumeMode: 'Block' }),
      [volume('a'), volume('b', { volumeMode: 'Block' })],
      chosen({ c: 'b' }),
    ],
    [
      'one with its labels',
      claim('c', { selector: { matchLabels: { disk: 'ssd' } } }),
      [volume('a'), volume('b', {}, { disk: 'ssd' })],
      chosen({ c: 'b' }),
    ],
    ['the one that it names', claim('c', { volumeName: 'b' }), [volume('a'), volume('b')], chosen({ c: 'b' })],
    ['no other than the one that it names', claim('c', { volumeName: 'b' }), [volume('a')], none],
    [
      'the one that it names only when it fits',
      claim('c', { volumeName: 'b' }),
      [volume('b', { accessModes: ['ReadOnlyMany'] })],
      none,
    ],
    [
      'the one that names it',
      claim('c'),
      [volume('a'), volume('b', refersTo('c'))],
      { bound: { c: 'b' }, records: {} },
    ],
    [
      'the one that names it, whatever its class and modes',
      claim('c'),
      [volume('b', { ...refersTo('c'), storageClassName: 'x', accessModes: [] })],
      { bound: { c: 'b' }, records: {} },
    ],
    [
      'the one that names it with its UID',
      claim('c'),
      [volume('b', refersTo('c', { uid: 'PersistentVolumeClaim-c' }))],
      { bound: { c: 'b' }, records: {} },
    ],
    ['none that names another claim', claim('c'), [volume('b', refersTo('d'))], none],
    ['none that names an earlier claim of its name', claim('c'), [volume('b', refersTo('c', { uid: 'old' }))], none],
    [
      'none that names a claim of another namespace',
      claim('c'),
      [volume('b', { claimRef: { namespace: 'x', name: 'c' } })],
      none,
    ],
    ['none that names it when it names another', claim('c', { volumeName: 'a' }), [volume('b', refersTo('c'))], none],
  ])('%s', (_, wanted, volumes, expected) => {
    expect(bind([wanted], volumes)).toEqual(expected);
  });

  it.each<[object, string[]]>([
    [{ key: 'disk', operator: 'In', values: ['ssd', 'nvme'] }, ['ssd']],
    [{ key: 'disk', operator: 'NotIn', values: ['ssd'] }, ['hdd', 'none']],
    [{ key: 'disk', operator: 'Exists' }, ['hdd', 'ssd']],
    [{ key: 'disk', operator: 'DoesNotExist' }, ['none']],
    [{ key: 'disk', operator: 'Like' }, []],
    [{ key: 'constructor', operator: 'Exists' }, []],
  ])('selected by %j', (expression, expected) => {
    const volumes = [volume('none'), volume('hdd', {}, { disk: 'hdd' }), volume('ssd', {}, { disk: 'ssd' })];
    const selector = { matchExpressions: [expression] };
    const found = volumes.filter(
      ({ metadata }) =>
        'c' in
        bind(
          [claim('c', { selector })],
          volumes.filter((v) => v.metadata.name === metadata.name),
        ).bound,
    );
    expect(found.map(({ metadata }) => metadata.name).toSorted()).toEqual(expected);
  });
});

describe('several claims', () => {
  it('never share a volume; one that is named goes to who names it', () => {
    expect(bind([claim('a'), claim('b', { volumeName: 'v1' })], [volume('v1'), volume('v2')])).toEqual(
      chosen({ a: 'v2', b: 'v1' }),
    );
    expect(bind([claim('a'), claim('b')], [volume('v1')])).toEqual(chosen({ a: 'v1' }));
  });

  it('keep what they have when others come', () => {
    const records = { b: 'v1' };
    expect(
      bind([claim('a'), claim('b')], [volume('v0', { capacity: { storage: '2Gi' } }), volume('v1')], records),
    ).toEqual(chosen({ a: 'v0', b: 'v1' }));
    expect(bind([claim('a', { volumeName: 'v1' }), claim('b')], [volume('v1')], records)).toEqual(chosen({ b: 'v1' }));
  });

  it('keep the volume of a claim, and the claim of a volume, that is away', () => {
    expect(bind([claim('a')], [volume('v1')], { gone: 'v1' })).toEqual({ bound: {}, records: { gone: 'v1' } });
    expect(bind([claim('a')], [volume('v2')], { a: 'v1' })).toEqual({ bound: {}, records: { a: 'v1' } });
    expect(bind([], [], { a: 'v1' })).toEqual({ bound: {}, records: { a: 'v1' } });
  });

  it('a claimRef frees a volume for another claim', () => {
    expect(bind([claim('a'), claim('b')], [volume('v1', refersTo('b')), volume('v2')], { a: 'v1' })).toEqual({
      bound: { a: 'v2', b: 'v1' },
      records: { a: 'v2' },
    });
  });

  it('a choice does not depend on the order, is never shared, and stays', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 4 });
    const sizes = fc.constantFrom('1Gi', '2Gi', '4Gi');
    const volumes = fc
      .uniqueArray(fc.tuple(fc.constantFrom('v1', 'v2', 'v3', 'v4'), sizes, fc.option(fc.constantFrom('a', 'b'))), {
        selector: ([name]) => name,
      })
      .map((list) =>
        list.map(([name, storage, target]) =>
          volume(name, { capacity: { storage }, ...(target === null ? {} : refersTo(target)) }),
        ),
      );
    const claims = names.chain((list) =>
      fc.tuple(
        ...list.map((name) =>
          fc
            .tuple(sizes, fc.option(fc.constantFrom('v1', 'v2')))
            .map(([storage, volumeName]) =>
              claim(name, { resources: { requests: { storage } }, ...(volumeName === null ? {} : { volumeName }) }),
            ),
        ),
      ),
    );
    fc.assert(
      fc.property(claims, claims, volumes, (before, more, list) => {
        const first = bindClaims(before, list, new Map());
        expect(bindClaims(before.toReversed(), list.toReversed(), new Map())).toEqual(first);
        const taken = [...first.volumes.values()].map(({ metadata }) => metadata.name);
        expect(new Set(taken).size).toBe(taken.length);
        expect(bindClaims(before, list, first.records)).toEqual(first);
        const both = [...before, ...more.filter((extra) => !before.some((one) => claimKey(one) === claimKey(extra)))];
        const second = bindClaims(both, list, first.records);
        for (const [key, kept] of first.volumes) expect(second.volumes.get(key)).toBe(kept);
      }),
    );
  });
});

describe('the binder', () => {
  const directory = (): string => mkdtempSync(join(tmpdir(), 'claims-'));

  it('keeps its choices over a restart, and many ask at one time', async () => {
    const root = directory();
    const file = join(root, 'podwright', 'claims.json');
    const [one, two] = [claim('one'), claim('two')];
    const volumes = [volume('v1'), volume('v2')];
    const binder = createClaimBinder(reader([two, ...volumes]), file);
    const asked = await Promise.all([binder.volumeOf('default', 'two'), binder.volumeOf('default', 'two')]);
    expect(asked.map(({ metadata }) => metadata.name)).toEqual(['v1', 'v1']);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ 'default/two': 'v1' });
    const restarted = createClaimBinder(reader([one, two, ...volumes]), file);
    const names = [await restarted.volumeOf('default', 'one'), await restarted.volumeOf('default', 'two')];
    expect(names.map(({ metadata }) => metadata.name)).toEqual(['v2', 'v1']);
    rmSync(root, { recursive: true });
  });

  it.each([
    ['none', 'persistentvolumeclaim "none" not found'],
    ['open', 'pod has unbound immediate PersistentVolumeClaims'],
  ])('%s: %s', async (name, message) => {
    const root = directory();
    const binder = createClaimBinder(reader([claim('open')]), join(root, 'claims.json'));
    await expect(binder.volumeOf('default', name)).rejects.toThrow(new Error(message));
    rmSync(root, { recursive: true });
  });

  it.each(['', '{', '[]', '{"a":1}', 'null'])(
    'guesses nothing from a broken file %j, and goes on when it is repaired',
    async (text) => {
      const root = directory();
      const file = join(root, 'claims.json');
      writeFileSync(file, text);
      const binder = createClaimBinder(reader([claim('c'), volume('v')]), file);
      await expect(binder.volumeOf('default', 'c')).rejects.toThrow(
        `cannot read which claim has which volume from ${file}`,
      );
      rmSync(file);
      expect((await binder.volumeOf('default', 'c')).metadata.name).toBe('v');
      rmSync(root, { recursive: true });
    },
  );
});
