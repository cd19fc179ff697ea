import { describe, expect, test } from 'vitest';
import { loadManifest, type LoadedManifest, type LoadedObjects } from '../../../agent/objects/index.ts';
import { invalidUntil, mergeLastGood, planFile, type FileStep } from '../../../agent/sources/file-plan.ts';
import { isManifestName } from '../../../agent/sources/manifest-names.ts';
import { NOTHING } from '../../../agent/sources/sourced.ts';

const NOW = 1_000_000;
const file = (fingerprint: string, ageMs: number) => ({ is: 'file', fingerprint, modifiedMs: NOW - ageMs }) as const;
const known = (fingerprint?: string, missingSince?: number) => ({ fingerprint, missingSince });
const wait = (ms: number, because: 'missing' | 'written'): FileStep => ({ do: 'wait', until: NOW + ms, because });

describe('what is done about a file', () => {
  test.each<[string, Parameters<typeof planFile>, FileStep]>([
    ['new and old enough', [file('1', 100), known(), undefined, NOW], { do: 'read' }],
    ['new and fresh', [file('1', 5), known(), undefined, NOW], wait(20, 'written')],
    ['written and fresh', [file('2', 5), known('1'), { written: true }, NOW], wait(20, 'written')],
    ['written and quiet', [file('2', 25), known('1'), { written: true }, NOW], { do: 'read' }],
    ['renamed to its place', [file('2', 0), known('1'), { written: false }, NOW], { do: 'read' }],
    ['unchanged', [file('1', 100), known('1'), undefined, NOW], { do: 'nothing' }],
    [
      'unchanged as far as the kernel’s clock tells',
      [file('1', 100), known('1'), { written: true }, NOW],
      { do: 'read' },
    ],
    ['of the near future', [file('1', -5), known(), undefined, NOW], wait(30, 'written')],
    ['of another clock', [file('1', -5_000), known(), { written: true }, NOW], { do: 'read' }],
    ['missing', [{ is: 'absent' }, known('1'), undefined, NOW], wait(100, 'missing')],
    ['still missing', [{ is: 'absent' }, known('1', NOW - 40), undefined, NOW], wait(60, 'missing')],
    ['gone', [{ is: 'absent' }, known('1', NOW - 100), undefined, NOW], { do: 'forget' }],
    [
      'missing, and the clock was set back',
      [{ is: 'absent' }, known('1', NOW + 9_000), undefined, NOW],
      { do: 'forget' },
    ],
    ['no file', [{ is: 'other', reason: 'r' }, known(), undefined, NOW], { do: 'refuse', reason: 'r' }],
    ['unreadable', [{ is: 'unreadable', reason: 'r' }, known('1'), undefined, NOW], { do: 'report', reason: 'r' }],
  ])('%s', (_what, args, expected) => expect(planFile(...args)).toEqual(expected));

  test('invalid content is believed a second after it was written, or first seen', () => {
    const until = (modified: number, since: number): number => invalidUntil(NOW + modified, NOW + since, NOW);
    expect([until(-400, 0), until(5_000, 0)]).toEqual([NOW + 600, NOW + 1_000]);
  });

  test('invalid content is believed at once when the clock was set back since it was seen', () => {
    expect(invalidUntil(NOW + 9_000, NOW + 9_000, NOW)).toBe(NOW);
  });
});

describe('the last good version', () => {
  const document = (name: string, rest = ''): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers: [{name: a, image: "i:1"${rest}}]\n---\n`;
  const read = (text: string, seenAt = 0): LoadedManifest =>
    loadManifest(text, { origin: '/m/f', nodeName: 'n', seenAt });
  const names = (...texts: readonly string[]): readonly (readonly string[])[] => {
    let good: LoadedObjects = NOTHING;
    return texts.map((text) => {
      good = mergeLastGood(good, read(text));
      return good.pods.map(({ pod }) => `${pod.metadata.name}:${pod.spec.containers[0]?.tty === true ? 'tty' : ''}`);
    });
  };
  const [a, aTty, aBad] = [document('a'), document('a', ', tty: true'), document('a', ', tty: 3')];
  const b = document('b');

  test.each([
    [
      'of a broken document stays, the others follow the file',
      [a + b, aBad + document('b', ', tty: true')],
      ['b-n:tty', 'a-n:'],
    ],
    ['stays over many broken versions', [aTty, aBad, 'apiVersion', '{', aBad], ['a-n:tty']],
    ['goes with its document', [a + b, b], ['b-n:']],
    ['stays while the file cannot be understood', [a + b, 'a: ['], ['a-n:', 'b-n:']],
    ['stays while a document does not say which pod it is', [a + b, `${a}kind: Pod\n`], ['a-n:', 'b-n:']],
    ['is replaced by a valid one', [a, aBad, aTty], ['a-n:tty']],
    ['does not exist for what never was valid', [aBad + b], ['b-n:']],
  ])('%s', (_what, texts, expected) => expect(names(...texts).at(-1)).toEqual(expected));

  test('is the same object, seen when it first was, when its file was only rewritten', () => {
    const text = `${a}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: v}\n`;
    const first = mergeLastGood(NOTHING, read(text, 1));
    const second = mergeLastGood(first, read(`# comment\n${text}`, 2));
    expect([second.pods.length, second.objects.length]).toEqual([1, 1]);
    expect(second.pods[0]).toBe(first.pods[0]);
    expect(second.objects[0]).toBe(first.objects[0]);
  });

  test('keeps the time when a pod of a given UID was first seen', () => {
    const given = (rest: string): string =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: u}\nspec:\n  containers: [{name: a, image: "i:1"${rest}}]\n`;
    const [pod] = mergeLastGood(mergeLastGood(NOTHING, read(given(''), 1)), read(given(', tty: true'), 2)).pods;
    expect(pod?.pod.metadata.annotations['kubernetes.io/config.seen']).toBe('1970-01-01T00:00:00.001Z');
    expect(pod?.pod.spec.containers[0]?.tty).toBe(true);
  });
});

describe('the last good version of other objects', () => {
  const map = (name: string, value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {k: ${value}}\n---\n`;
  const pod = (name: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: a, image: i}]}\n---\n`;
  const good = (...texts: readonly string[]): readonly string[] => {
    const merged = texts.reduce<LoadedObjects>(
      (last, text) => mergeLastGood(last, loadManifest(text, { origin: '/m/f', nodeName: 'n', seenAt: 0 })),
      NOTHING,
    );
    const objects = merged.objects.map(
      ({ object }) => `${object.metadata.name}:${object.kind === 'ConfigMap' ? (object.data?.['k'] ?? '') : ''}`,
    );
    return [...merged.pods.map((one) => one.pod.metadata.name), ...objects];
  };

  test.each<[string, readonly string[], readonly string[]]>([
    [
      'stays while its document is broken',
      [map('a', 'x') + map('b', 'x'), map('a', '1') + map('b', 'z')],
      ['b:z', 'a:x'],
    ],
    ['goes with its document', [map('a', 'x') + map('b', 'x'), map('b', 'x')], ['b:x']],
    ['stays while the file cannot be understood', [map('a', 'x') + pod('p'), 'a: ['], ['p-n', 'a:x']],
    ['stays while a pod does not tell its name', [map('a', 'x'), 'apiVersion: v1\nkind: Pod\n'], ['a:x']],
    ['is not held by a broken pod of the same name', [map('a', 'x'), pod('a').replace('image', 'imag')], []],
    ['leaves the pods beside it alone', [map('a', 'x') + pod('p'), map('a', '1') + pod('p')], ['p-n', 'a:x']],
  ])('%s', (_what, texts, expected) => expect(good(...texts)).toEqual(expected));
});

test.each([
  ['web.yaml', true],
  ['web', true],
  ['web.json', true],
  ['web.yaml.bak', true],
  ['.web.yaml', false],
  ['.web.yaml.swp', false],
  ['.#web.yaml', false],
  ['..data', false],
  ['web.yaml~', false],
  ['#web.yaml#', false],
  ['web.swp', false],
  ['4913', false],
  ['web.yaml.tmp', false],
  ['web.yaml.dpkg-new', false],
  ['web.yaml.rpmsave', false],
])('%s is a manifest: %s', (name, expected) => expect(isManifestName(name)).toBe(expected));
