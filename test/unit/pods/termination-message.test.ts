import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { annotation } from '../../../agent/pods/annotations.ts';
import { readTerminationMessages } from '../../../agent/pods/termination-message.ts';
import type { ContainerRuntime, LogOptions, RuntimeContainerStatus } from '../../../agent/runtime/types.ts';
import { container, exited, observed, pod, sandbox } from './fixtures.ts';

let directory: string;
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'pw-messages-'))));
afterAll(() => rm(directory, { recursive: true, force: true }));

const signal = new AbortController().signal;
const fallback = { annotations: { [annotation.terminationMessagePolicy]: 'FallbackToLogsOnError' } };

interface Given {
  readonly file?: string | undefined;
  readonly log?: string;
  readonly status?: RuntimeContainerStatus;
  readonly containers?: number;
}

async function read({ file, log = '', status = exited('c0', 1), containers = 1 }: Given) {
  const asked: LogOptions[] = [];
  const containerLogs: ContainerRuntime['containerLogs'] = (_, options, { stdout }) => {
    asked.push(options);
    stdout.write(log);
    return Promise.resolve();
  };
  const path = join(directory, 'message');
  await rm(path, { force: true });
  if (file !== undefined) await writeFile(path, file);
  const known = new Map<string, string>();
  const names = Array.from({ length: containers }, (_, index) => container(`c${index}`));
  const deps = { runtime: { containerLogs }, pathOf: () => path };
  await readTerminationMessages(deps, pod({ containers: names }), observed([sandbox()], [status]), known, signal);
  return { message: known.get(status.id), asked };
}

describe('what a container leaves behind', () => {
  test.each<[string, Given, string]>([
    ['what it wrote', { file: 'disk full' }, 'disk full'],
    ['nothing', {}, ''],
    ['what the runtime says', { status: exited('c0', 127, { error: 'no such file' }) }, 'no such file'],
    ['what both say', { file: 'b', status: exited('c0', 1, { error: 'a' }) }, 'a: b'],
    ['not its log, by policy', { log: 'oops' }, ''],
    ['the end of its log, by policy', { log: 'oops', status: exited('c0', 1, fallback) }, 'oops'],
    ['not its log when it ended well', { log: 'fine', status: exited('c0', 0, fallback) }, ''],
    ['not its log when it wrote', { file: 'x', log: 'oops', status: exited('c0', 1, fallback) }, 'x'],
    ['4096 bytes at most, the last', { file: `${'a'.repeat(10)}${'b'.repeat(4096)}` }, 'b'.repeat(4096)],
    ['2048 bytes of log, the last', { log: 'ab'.repeat(2000), status: exited('c0', 1, fallback) }, 'ab'.repeat(1024)],
    ['its share of 12 KiB, the first', { file: `${'a'.repeat(2048)}b`, containers: 6 }, 'a'.repeat(2048)],
    ['whole characters at the end', { file: `x${'é'.repeat(2048)}` }, 'é'.repeat(2048)],
    ['whole characters after a cut', { file: `${'é'.repeat(2048)}x` }, `${'é'.repeat(2047)}x`],
    ['whole characters of a share', { file: '€'.repeat(800), containers: 6 }, '€'.repeat(682)],
  ])('%s', async (_, given, message) => {
    expect((await read(given)).message).toBe(message);
  });

  test('80 lines of the log are asked for', async () => {
    const { asked } = await read({ log: 'x', status: exited('c0', 1, fallback) });
    expect(asked).toEqual([{ follow: false, tailLines: 80, since: undefined, timestamps: false }]);
  });

  test('law: a cut message is valid UTF-8 within its share', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), fc.nat(9), async (unit, extra) => {
        const containers = 4 + extra;
        const file = unit.repeat(Math.ceil(5000 / Buffer.byteLength(unit)));
        fc.pre(!unit.includes('\u{fffd}'));
        const { message = '' } = await read({ file, containers });
        const share = Math.min(4096, Math.floor(12288 / containers));
        expect(Buffer.byteLength(message)).toBeLessThanOrEqual(share);
        expect(Buffer.byteLength(message)).toBeGreaterThan(share - 4);
        expect(message).not.toContain('\u{fffd}');
      }),
      { numRuns: 60 },
    );
  });
});
