import { expect, it } from 'vitest';
import { guestProblem, runInGuest } from '../../lab/guest.ts';

it.skipIf(guestProblem !== undefined)('a guest gets files, and all output and the exit code come back', async () => {
  const content = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join('');
  const script = 'cat /in/file; echo failed >&2; exit 7';
  expect(await runInGuest({ script, files: { '/in/file': content } })).toEqual({
    exitCode: 7,
    stdout: content,
    stderr: 'failed\n',
  });
});
