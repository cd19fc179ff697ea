import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExecTimeoutError } from '../../../agent/runtime/types.ts';
import { until } from '../../lab/index.ts';
import { Collector, createRuntimeHost, never, type RuntimeHost } from './harness.ts';

let lab: RuntimeHost;
let id: string;

beforeAll(async () => {
  lab = await createRuntimeHost();
  id = await lab.run('sleep 100000');
});
afterAll(() => lab?.host.remove());

const sh = (script: string): readonly string[] => ['sh', '-c', script];

/** Processes of the machine whose command line holds `mark`, this test's own aside. */
function processesWith(mark: string): readonly string[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(mark));
}

describe('execSync', () => {
  test.each([
    ['true', { exitCode: 0, stdout: '', stderr: '' }],
    ['echo out; echo err >&2; exit 3', { exitCode: 3, stdout: 'out\n', stderr: 'err\n' }],
    ['kill -9 $$', { exitCode: 137, stdout: '', stderr: '' }],
    ['printf "%s" $HOSTNAME_IS_UNSET; cat', { exitCode: 0, stdout: '', stderr: '' }],
  ])('%s', async (script, result) => {
    expect(await lab.runtime.execSync(id, sh(script), 10_000, never)).toEqual(result);
  });

  test('a command that is not there', async () => {
    const { exitCode } = await lab.runtime.execSync(id, ['/no/such/program'], 10_000, never).catch((error: unknown) => {
      expect(String(error)).toMatch(/no such file/);
      return { exitCode: 127 };
    });
    expect([126, 127]).toContain(exitCode);
  });

  test('a container that does not run', async () => {
    const ended = await lab.run('true');
    await lab.output(ended);
    await expect(lab.runtime.execSync(ended, ['true'], 10_000, never)).rejects.toThrow(/is not running/);
    await expect(lab.runtime.execSync('nosuch', ['true'], 10_000, never)).rejects.toThrow(/No such container/);
  });

  test('output is cut at 16 KiB a stream, and the command still ends', async () => {
    const script = 'yes | head -c 3000000; yes no | head -c 3000000 >&2';
    const { exitCode, stdout, stderr } = await lab.runtime.execSync(id, sh(script), 20_000, never);
    expect([exitCode, stdout.length, stderr.length]).toEqual([0, 16_384, 16_384]);
  });

  test.each([
    ['its children', 'sleep 71001 & sleep 71001'],
    ['one whose parent has ended', '(sleep 71001 & sleep 71001 &) ; sleep 71001'],
    ['one that ignores SIGTERM', 'trap "" TERM HUP; while true; do sleep 71001; done'],
    ['one in a session of its own', 'setsid sleep 71001 & wait'],
  ])('after the timeout nothing is left: %s', async (_, script) => {
    await expect(lab.runtime.execSync(id, sh(script), 500, never)).rejects.toBeInstanceOf(ExecTimeoutError);
    await until('all to be gone', 2_000, () => processesWith('71001').length === 0);
    expect(await lab.runtime.execSync(id, ['true'], 10_000, never)).toMatchObject({ exitCode: 0 });
  });

  test('after an abort nothing is left, whenever it comes', async () => {
    for (const afterMs of [0, 5, 20, 60, 150, 300]) {
      const abort = AbortSignal.timeout(afterMs);
      const run = lab.runtime.execSync(id, sh('sleep 71002 & sleep 71002'), 60_000, abort);
      await expect(run).rejects.toMatchObject({ name: 'TimeoutError' });
    }
    await until('all to be gone', 2_000, () => processesWith('71002').length === 0);
  });
});

describe('exec', () => {
  test('input, its end, both outputs and the exit code', async () => {
    const [stdin, stdout, stderr] = [new PassThrough(), new Collector(), new Collector()];
    const done = lab.runtime.exec(id, sh('cat; echo end >&2; exit 7'), { tty: false, stdin, stdout, stderr }, never);
    stdin.write('one\n');
    await stdout.until('one\n');
    stdin.end('two\n');
    expect(await done).toBe(7);
    expect([stdout.text, stderr.text]).toEqual(['one\ntwo\n', 'end\n']);
  });

  test('much, both ways', async () => {
    const [stdin, stdout] = [new PassThrough(), new Collector()];
    const done = lab.runtime.exec(id, ['cat'], { tty: false, stdin, stdout }, never);
    const text = 'x'.repeat(3_000_000);
    stdin.end(text);
    expect(await done).toBe(0);
    expect(stdout.text.length).toBe(text.length);
  });

  test('a command that ends while input is open', async () => {
    const [stdin, stdout] = [new PassThrough(), new Collector()];
    expect(await lab.runtime.exec(id, ['echo', 'hi'], { tty: false, stdin, stdout }, never)).toBe(0);
    expect(stdout.text).toBe('hi\n');
    expect(stdin.destroyed).toBe(false);
  });

  test('terminal: one output, its size now and later, ctrl-p goes through at once', async () => {
    const [stdin, stdout] = [new PassThrough(), new Collector()];
    let resize: ((size: { width: number; height: number }) => void) | undefined;
    const onResize = (listener: typeof resize): void => {
      resize = listener;
      listener?.({ width: 100, height: 30 });
    };
    const untilSize = (size: string): string =>
      `until [ "$(stty size)" = "${size}" ]; do sleep 0.05; done; echo ${size};`;
    const script = `tty >/dev/null && echo is a tty >&2; ${untilSize('30 100')} ${untilSize('44 55')}
      stty raw -echo; echo raw; dd bs=1 count=1 2>/dev/null | od -c`;
    const done = lab.runtime.exec(id, sh(script), { tty: true, stdin, stdout, onResize }, never);
    await stdout.until('30 100');
    resize?.({ width: 55, height: 44 });
    await stdout.until('raw');
    stdin.write('\x10');
    expect(await done).toBe(0);
    expect(stdout.text).toContain('is a tty');
    expect(stdout.text).toContain('020');
  });

  test('an abort kills the command and all that it started', async () => {
    const controller = new AbortController();
    const [stdin, stdout] = [new PassThrough(), new Collector()];
    const streams = { tty: true, stdin, stdout };
    const done = lab.runtime.exec(id, sh('sleep 71003 & echo on; sleep 71003'), streams, controller.signal);
    await stdout.until('on');
    const reason = new Error('the client is gone');
    controller.abort(reason);
    await expect(done).rejects.toBe(reason);
    await until('all to be gone', 2_000, () => processesWith('71003').length === 0);
  });

  test('a sink that is closed ends the command', async () => {
    const stdout = new Collector();
    const done = lab.runtime.exec(id, sh('while true; do echo 71004; sleep 0.01; done'), { tty: false, stdout }, never);
    await stdout.until('71004');
    stdout.destroy();
    await once(stdout, 'close');
    await expect(done).rejects.toThrow();
    await until('all to be gone', 2_000, () => processesWith('71004').length === 0);
  });
});
