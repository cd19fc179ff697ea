import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { envFileValue } from '../../../agent/environment/env-file.ts';

describe('the value of a key', () => {
  test.each<[string, string, string | undefined]>([
    ['is what is between the quotes', "KEY=' a  b '\n", ' a  b '],
    ['is taken as it is', `KEY='$HOME \${A} $(date) \\n "x" # \\\\ ='`, `$HOME \${A} $(date) \\n "x" # \\\\ =`],
    ['may have lines', "KEY='one\n\n  # two\nthree '\n", 'one\n\n  # two\nthree '],
    ['stands after other lines', "# KEY='no'\n\n \t\n  # KEY='no'\nOTHER='KEY=1\nKEY=2'\n\tKEY='yes'\n", 'yes'],
    ['may have a comment behind it', "KEY='a' \t# it's the value\n", 'a'],
    ['counts once', "KEY='first'\nKEY='second'\n", 'first'],
    ['is read whatever comes after it', "KEY='a'\nno assignment", 'a'],
    ['ends at the end of a line of Windows', "KEY='a'\r\nB='x\r\n'\r\n", 'a'],
    ['is not that of a longer name', "KEY2='a'\nMY.KEY='b'\n", undefined],
    ['is not there in an empty file', '', undefined],
    ['is not there when it is empty', "KEY=''\nKEY='later'\n", undefined],
    ['ends at a blank, as in a shell', "KEY= 'a'\n", undefined],
    ['beside which others may end at a blank', "OTHER= whatever\nKEY='a'", 'a'],
  ])('%s', (_, text, value) => expect(envFileValue(text, 'KEY')).toBe(value));

  test.each<[string, string]>([
    ["A='x'\nsecret\n", "at line 2: missing '='"],
    ["='secret'\n", 'at line 1: empty variable name'],
    [" ='secret'\n", 'at line 1: empty variable name'],
    ["A='1\n2'\nKEY = 'secret'\n", "at line 3: whitespace before '=' is not allowed"],
    ['KEY=secret\n', 'at line 1: value must be enclosed in single quotes'],
    ['KEY="secret"\n', 'at line 1: value must be enclosed in single quotes'],
    ['KEY=\n', 'at line 1: value must be enclosed in single quotes'],
    ["KEY='secret''s'\n", 'at line 1: unexpected content after closing quote'],
    ["A='1\n2' secret\nKEY='3'\n", 'at line 2: unexpected content after closing quote'],
    ["\nKEY='secret\n\n", 'at line 2: unclosed single quote'],
  ])('%j', (text, problem) =>
    expect(() => envFileValue(text, 'KEY')).toThrow(`invalid environment variable format ${problem}`),
  );

  test('comes back, whatever it is and whatever is before it', () => {
    const value = fc
      .string({ unit: fc.constantFrom('a', ' ', '\t', '\n', '#', '=', '"', '$', '\\', 'ä') })
      .filter((text) => text !== '');
    const name = fc.string({ unit: fc.constantFrom('A', 'b', '1', '.', '-', '_'), minLength: 1 });
    const all = fc.dictionary(name, value, { noNullPrototype: true, minKeys: 1 });
    fc.assert(
      fc.property(all, (values) => {
        const text = Object.entries(values)
          .map(([key, item]) => `${key}='${item}'\n`)
          .join('');
        for (const [key, item] of Object.entries(values)) expect(envFileValue(text, key)).toBe(item);
      }),
    );
  });
});
