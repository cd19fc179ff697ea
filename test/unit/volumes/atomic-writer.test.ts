import fc from 'fast-check';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writePayload } from '../../../agent/volumes/atomic-writer.ts';
import type { Payload } from '../../../agent/volumes/payload-plan.ts';
import { noon } from './pods.ts';

const never = new AbortController().signal;
let directory: string;
let umask: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'writer-'));
  umask = process.umask(0o077);
});
afterEach(() => {
  process.umask(umask);
  rmSync(directory, { recursive: true });
});

const at = (...parts: readonly string[]): string => join(directory, ...parts);
const payload = (files: Readonly<Record<string, string>>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { bytes: Buffer.from(text), mode }]));
const write = (files: Payload, now = noon): Promise<boolean> =>
  writePayload(directory, files, { fsGroup: undefined, now }, never);

/** All that a container sees: text by path, through the links. */
function seen(root = directory, prefix = ''): Record<string, string> {
  return Object.assign(
    {},
    ...readdirSync(root)
      .filter((name) => prefix !== '' || !name.startsWith('..'))
      .map((name) =>
        statSync(join(root, name)).isDirectory()
          ? seen(join(root, name), `${prefix}${name}/`)
          : { [`${prefix}${name}`]: readFileSync(join(root, name), 'utf8') },
      ),
  ) as Record<string, string>;
}

const hidden = (): readonly string[] => readdirSync(directory).filter((name) => name.startsWith('..'));
const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('a first payload', () => {
  it("is laid out as the kubelet's, with its modes under any umask", async () => {
    expect(await write(payload({ a: 'A', 'x/y/b': 'B', 'x/c': 'C' }, 0o640))).toBe(true);
    const data = readlinkSync(at('..data'));
    expect(data).toMatch(/^\.\.2026_01_31_12_00_00\.\w{6}$/);
    expect(readdirSync(directory).toSorted()).toEqual([data, '..data', 'a', 'x'].toSorted());
    expect([readlinkSync(at('a')), readlinkSync(at('x'))]).toEqual(['..data/a', '..data/x']);
    expect(seen()).toEqual({ a: 'A', 'x/y/b': 'B', 'x/c': 'C' });
    expect([mode(at(data)), mode(at('x')), mode(at('x/y')), mode(at('x/y/b'))]).toEqual(['755', '755', '755', '640']);
  });

  it('may be empty', async () => {
    expect([await write(new Map()), await write(new Map())]).toEqual([true, false]);
    expect([seen(), hidden().length]).toEqual([{}, 2]);
  });
});

describe('a later payload', () => {
  it('that is the same writes nothing', async () => {
    await write(payload({ a: 'A', 'x/b': 'B' }));
    const before = readdirSync(directory).map((name) => [name, statSync(at(name)).mtimeMs]);
    const root = statSync(directory).mtimeMs;
    expect(await write(payload({ 'x/b': 'B', a: 'A' }), noon + 60_000)).toBe(false);
    expect(readdirSync(directory).map((name) => [name, statSync(at(name)).mtimeMs])).toEqual(before);
    expect(statSync(directory).mtimeMs).toBe(root);
  });

  it.each<[string, Record<string, string>]>([
    ['changes a file', { a: 'new', 'x/b': 'B' }],
    ['adds files', { a: 'A', 'x/b': 'B', 'x/c': 'C', d: 'D' }],
    ['removes files', { 'x/b': 'B' }],
    ['removes all', {}],
    ['makes a file of a directory and the other way round', { 'a/b': 'A', x: 'X' }],
  ])('%s', async (_, files) => {
    await write(payload({ a: 'A', 'x/b': 'B' }));
    const old = readlinkSync(at('..data'));
    expect(await write(payload(files))).toBe(true);
    expect(seen()).toEqual(files);
    expect(hidden().toSorted()).toEqual([readlinkSync(at('..data')), '..data'].toSorted());
    expect(hidden()).not.toContain(old);
  });

  it('leaves alone what is not its own', async () => {
    await write(payload({ a: 'A' }));
    mkdirSync(at('sub'));
    symlinkSync('/nowhere', at('link'));
    await write(payload({ b: 'B' }));
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(['sub', 'link', 'b']));
  });

  it('is never seen in part', async () => {
    const versions = Array.from({ length: 30 }, (_, index) => ({ a: String(index), 'x/b': String(index) }));
    await write(payload(versions[0] ?? {}));
    let reads = 0;
    const check = (): void => {
      const data = realpathSync(at('..data'));
      expect(readFileSync(join(data, 'a'), 'utf8')).toBe(readFileSync(join(data, 'x/b'), 'utf8'));
      reads += 1;
    };
    const timer = setInterval(check, 0);
    for (const version of versions) await write(payload(version));
    clearInterval(timer);
    expect(reads).toBeGreaterThan(5);
    expect(seen()).toEqual(versions.at(-1));
  });
});

describe('what a crash leaves behind is repaired', () => {
  const crashes: readonly [string, () => void][] = [
    ['a directory without files', () => mkdirSync(at('..2026_01_31_11_00_00.abcdef'))],
    [
      'a directory with some files',
      () => {
        mkdirSync(at('..2026_01_31_11_00_00.abcdef/x'), { recursive: true });
        writeFileSync(at('..2026_01_31_11_00_00.abcdef/x/b'), 'half');
      },
    ],
    ['a link that was not renamed', () => symlinkSync('..2026_01_31_11_00_00.abcdef', at('..data_tmp'))],
    ['a link to a directory that is gone', () => rmSync(at(readlinkSync(at('..data'))), { recursive: true })],
    ['no link to the data', () => unlinkSync(at('..data'))],
    [
      'a data link that leads elsewhere',
      () => {
        unlinkSync(at('..data'));
        symlinkSync('/nowhere', at('..data'));
      },
    ],
    ['a missing link', () => unlinkSync(at('a'))],
    ['a stale link', () => symlinkSync('..data/old', at('old'))],
    ['a file with another mode', () => chmodSync(at('..data/a'), 0o600)],
    ['a file with other text', () => writeFileSync(at('..data/a'), 'B')],
    ['a file too many', () => writeFileSync(at('..data/x/new'), 'B')],
  ];

  it.each(crashes)('%s', async (_, crash) => {
    const files = { a: 'A', 'x/b': 'B' };
    await write(payload(files));
    crash();
    await write(payload(files));
    expect([seen(), mode(at('a'))]).toEqual([files, '644']);
    expect(readdirSync(directory).toSorted()).toEqual([readlinkSync(at('..data')), '..data', 'a', 'x'].toSorted());
    expect(await write(payload(files))).toBe(false);
  });

  it('whatever was there before and wherever it stopped', async () => {
    const names = fc.constantFrom('a', 'b', 'x/a', 'x/b', 'x/y/a', 'z');
    const files = fc.dictionary(names, fc.string({ maxLength: 3 }), { maxKeys: 4 }).map((record) => ({ ...record }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(files, fc.subarray(crashes.map((_, index) => index))), { maxLength: 4 }),
        files,
        async (history, last) => {
          for (const [version, steps] of history) {
            await write(payload(version));
            for (const step of steps) {
              try {
                crashes[step]?.[1]();
              } catch {
                // Some need files that this history does not have.
              }
            }
          }
          await write(payload(last));
          expect([seen(), await write(payload(last)), hidden().length]).toEqual([last, false, 2]);
        },
      ),
      { numRuns: 40 },
    );
  });
});

it('a payload that cannot be written leaves the old one in place', async () => {
  await write(payload({ a: 'A' }));
  await expect(write(payload({ a: 'A', 'a/b': 'B' }))).rejects.toThrow('EEXIST');
  expect(seen()).toEqual({ a: 'A' });
  await expect(
    writePayload(
      directory,
      payload({ c: 'C' }),
      { fsGroup: undefined, now: noon },
      AbortSignal.abort(new Error('stop')),
    ),
  ).rejects.toThrow('stop');
  expect(seen()).toEqual({ a: 'A' });
  await write(payload({ c: 'C' }));
  expect([seen(), hidden().length]).toEqual([{ c: 'C' }, 2]);
});

it('follows no link that somebody puts in the place of its directory', async () => {
  await write(payload({ a: 'A' }));
  const data = readlinkSync(at('..data'));
  const precious = at('precious');
  mkdirSync(precious);
  writeFileSync(join(precious, 'file'), 'kept');
  renameSync(at(data), at('moved'));
  symlinkSync(precious, at(data));
  await write(payload({ b: 'B' })).catch(() => undefined);
  expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('kept');
});
