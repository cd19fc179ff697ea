import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expandCommand } from '../../../agent/objects/expand.ts';
import { expandContainer, expandVariables } from '../../../agent/objects/index.ts';

const variables = new Map([
  ['A', 'one'],
  ['B', '$(A)'],
  ['EMPTY', ''],
]);

describe('$(VAR)', () => {
  test.each([
    ['$(A)', 'one'],
    ['x$(A)y$(A)', 'xoney' + 'one'],
    ['$(EMPTY)', ''],
    ['$(B)', '$(A)'],
    ['$(MISSING)', '$(MISSING)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$$', '$'],
    ['$$$$', '$$'],
    ['$', '$'],
    ['a$', 'a$'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['$()', '$()'],
    ['$($(A)', '$($(A)'],
    ['$(A))', 'one)'],
    ['${A}', '${A}'],
  ])('%s becomes %s', (text, expected) => expect(expandVariables(text, variables)).toBe(expected));

  test('text without $ stays', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('$')),
        (text) => {
          expect(expandVariables(text, variables)).toBe(text);
        },
      ),
    );
  });

  test('escaped text comes out as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '(', ')', 'A', 'x') }), (text) => {
        expect(expandVariables(text.replaceAll('$', '$$$$'), variables)).toBe(text);
      }),
    );
  });
});

test('a container is expanded with its variables in order, the last of one name wins', () => {
  expect(
    expandContainer({
      command: ['run', '$(PORT)'],
      args: [],
      env: [
        { name: 'LATE', value: '$(PORT)' },
        { name: 'PORT', value: '80' },
        { name: 'URL', value: 'http://x:$(PORT)/$(URL)' },
        { name: 'PORT', value: '8$(PORT)' },
        { name: 'NONE' },
      ],
    }),
  ).toEqual({
    command: ['run', '880'],
    args: undefined,
    env: ['LATE=$(PORT)', 'PORT=880', 'URL=http://x:80/$(URL)', 'NONE='],
  });
});

test('command and args are expanded with an environment, which itself is taken as it is', () => {
  expect(expandCommand({ command: ['run'], args: ['$(A)', '$(B)', '$(NONE)', '$$(A)'] }, variables)).toEqual({
    command: ['run'],
    args: ['one', '$(A)', '$(NONE)', '$(A)'],
    env: ['A=one', 'B=$(A)', 'EMPTY='],
  });
});
