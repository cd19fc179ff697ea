import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRegistry, renderFamilies, type Family } from '../../../cni/index.ts';

/** Reads the text format back, line by line; throws on what is none. */
function parse(text: string): readonly Family[] {
  const families: { -readonly [K in keyof Family]: Family[K] extends readonly (infer S)[] ? S[] : Family[K] }[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const [, help] = /^# HELP (.*)$/.exec(line) ?? [];
    const [, , type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    const family = families.at(-1);
    if (help !== undefined) {
      const [name = '', ...words] = help.split(' ');
      families.push({ name, help: unescape(words.join(' ')), type: 'gauge', samples: [] });
    } else if (type !== undefined && family !== undefined) family.type = type as Family['type'];
    else {
      const [, name, labels = '', value, time] =
        /^(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)(?: (-?\d+))?$/.exec(line) ?? [];
      if (family === undefined || name !== family.name) throw new Error(`not a sample of ${family?.name}: ${line}`);
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [
        key,
        unescape(text ?? ''),
      ]);
      const number = Number((value ?? '').replace('Inf', 'Infinity'));
      family.samples.push({
        labels: Object.fromEntries(pairs) as Readonly<Record<string, string>>,
        value: number,
        ...(time === undefined ? {} : { time: Number(time) }),
      });
    }
  }
  return families;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
}

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,9}$/);
const sample = fc.record(
  {
    labels: fc.dictionary(name, fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ',', '}', ' ', 'é') })),
    value: fc.double({ noDefaultInfinity: false }).map((value) => (Object.is(value, -0) ? 0 : value)),
    time: fc.integer({ min: 0, max: 2 ** 48 }),
  },
  { requiredKeys: ['labels', 'value'] },
);
const family = fc.record({
  name,
  help: fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ' ', '#') }),
  type: fc.constantFrom('counter' as const, 'gauge' as const),
  samples: fc.array(sample, { minLength: 1, maxLength: 4 }),
});

test('what is rendered reads back the same, with HELP and TYPE once a family', () => {
  fc.assert(
    fc.property(fc.uniqueArray(family, { selector: ({ name: own }) => own }), (families) => {
      expect(parse(renderFamilies(families))).toEqual(
        families.map((one) => ({ ...one, samples: one.samples.map((s) => ({ ...s, labels: { ...s.labels } })) })),
      );
    }),
  );
});

test('a family without values is left out', () => {
  expect(renderFamilies([{ name: 'a', help: '', type: 'gauge', samples: [] }])).toBe('');
});

test('series that are removed are gone, and begin anew', () => {
  const registry = createRegistry();
  const counter = registry.counter('a_total', 'A');
  const histogram = registry.histogram('b', 'B', [1]);
  for (const of of ['x', 'y']) {
    counter.add({ of }, 5);
    histogram.observe({ of }, 2);
  }
  for (const metric of [counter, histogram]) metric.remove(({ of }) => of === 'x');
  counter.add({ of: 'x' });
  expect(
    registry
      .render()
      .split('\n')
      .filter((line) => /^(a_total|b_sum)/.test(line)),
  ).toEqual(['a_total{of="y"} 5', 'a_total{of="x"} 1', 'b_sum{of="y"} 2']);
});
