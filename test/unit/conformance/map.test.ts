import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const TESTS = join(import.meta.dirname, '../..');
const MODELS = join(TESTS, '../node_modules/kubernetes-models/v1');

const STATUSES = ['implemented', 'partly', 'not possible with Docker', 'planned'];

/** Fields that are younger than the API types of kubernetes-models, by type. */
const YOUNGER: Readonly<Record<string, readonly string[]>> = {
  PodSpec: ['hostnameOverride', 'workloadRef'],
  Container: ['restartPolicyRules'],
  EphemeralContainer: ['restartPolicyRules'],
  EnvVarSource: ['fileKeyRef'],
};

const TYPES = [
  'PodSpec',
  'Container',
  'EphemeralContainer',
  'Volume',
  'VolumeMount',
  'Probe',
  'Lifecycle',
  'LifecycleHandler',
  'SecurityContext',
  'PodSecurityContext',
  'EnvVarSource',
];

interface Row {
  readonly type: string;
  readonly field: string;
  readonly status: string;
  readonly test: string;
  readonly note: string;
}

/** The rows of the map: each table is beneath a heading with its type. */
function readMap(markdown: string): readonly Row[] {
  return markdown.split(/^## /m).flatMap((section) => {
    const [type = '', ...lines] = section.split('\n');
    return lines
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter((cells) => cells.length === 6 && cells[1] !== 'field' && !/^-+$/.test(cells[1] ?? ''))
      .map(([, field = '', status = '', name = '', note = '']) => ({ type, field, status, test: name, note }));
  });
}

/** The fields of a type of the API. */
function fieldsOf(type: string): readonly string[] {
  const text = readFileSync(join(MODELS, `${type}.d.ts`), 'utf8');
  const [, body = ''] = /export interface I\w+ \{\n([\s\S]*?)\n\}/.exec(text) ?? [];
  return [...body.matchAll(/^ {4}"(\w+)"\??:/gm)].map(([, field = '']) => field);
}

/** Why a row's test does not exist; undefined when it does. */
function missingTest(name: string): string | undefined {
  const [file = '', ...titles] = name.split(' › ');
  const path = join(TESTS, file);
  if (!existsSync(path)) return `no file ${file}`;
  const text = readFileSync(path, 'utf8');
  const absent = titles.filter((title) => !["'", '"', '`'].some((quote) => text.includes(`${quote}${title}${quote}`)));
  return absent.length === 0 && titles.length > 0 ? undefined : `no ${absent.join(', ') || 'title'} in ${file}`;
}

const map = readMap(readFileSync(join(TESTS, 'conformance/README.md'), 'utf8'));

describe('the map of the API', () => {
  test('has no other types', () => expect([...new Set(map.map(({ type }) => type))]).toEqual(TYPES));

  test.each(TYPES)('has every field of %s once, and no other', (type) => {
    const fields = [...fieldsOf(type), ...(YOUNGER[type] ?? [])];
    expect(fieldsOf(type).length).toBeGreaterThan(2);
    expect(map.filter((row) => row.type === type).map(({ field }) => field)).toEqual(fields.sort());
  });

  test('says of each field what it knows to say', () => {
    expect(map.filter(({ status }) => !STATUSES.includes(status))).toEqual([]);
    expect(map.filter(({ status, note }) => status === 'not possible with Docker' && note === '-')).toEqual([]);
  });

  test('names tests that there are', () => {
    const wrong = map.flatMap(({ type, field, test: name }) => {
      const why = name === '-' ? undefined : missingTest(name);
      return why === undefined ? [] : [`${type}.${field}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });
});
