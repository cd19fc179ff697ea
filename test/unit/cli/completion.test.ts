import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shapeOf } from '../../../agent/cli/completion.ts';
import { renderCompletion } from '../../../agent/cli/completion/render.ts';
import { createProgram } from '../../../agent/cli/program.ts';

/** What bash offers for a command line whose last word is being typed. */
async function completed(...words: readonly string[]): Promise<readonly string[]> {
  const script = renderCompletion('bash', shapeOf(await createProgram(undefined)));
  const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _podwright; printf "%s\\n" "${COMPREPLY[@]}"';
  const stdout = execFileSync('bash', ['-c', `${script}\n${ask}`, 'bash', 'podwright', ...words], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean);
}

test.each<readonly [readonly string[], readonly string[]]>([
  [['sta'], ['status']],
  [['install', '--dry'], ['--dry-run']],
  [['token', 'cr'], ['create']],
  [['token', 'create', '--print'], ['--print-join-command']],
  [['run', '-v', '4', '--manif'], ['--manifests']],
  [
    ['logs', 'some-pod', '--sin'],
    ['--since', '--since-time'],
  ],
  [['no-such'], []],
])('%j is completed', async (words, expected) => {
  expect(await completed(...words)).toEqual(expected);
});
