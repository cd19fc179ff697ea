import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../lab/index.ts';
import { Collector, createRuntimeHost, type RuntimeHost } from './harness.ts';

let lab: RuntimeHost;
const signal = AbortSignal.timeout(120_000);

beforeAll(async () => {
  lab = await createRuntimeHost();
});
afterAll(() => lab?.host.remove());

test('input reaches the process with its end, output comes apart by stream', async () => {
  const id = await lab.run('cat; echo ended >&2', { stdin: true, stdinOnce: true });
  const [stdin, stdout, stderr] = [new PassThrough(), new Collector(), new Collector()];
  const attached = lab.runtime.attach(id, { tty: false, stdin, stdout, stderr }, signal);
  stdin.end('hello\n');
  await attached;
  expect([stdout.text, stderr.text]).toEqual(['hello\n', 'ended\n']);
});

test('without stdinOnce the input outlives who was attached', async () => {
  const id = await lab.run('while read -r line; do echo "got $line"; [ "$line" = b ] && exit; done', { stdin: true });
  const leave = new AbortController();
  const [first, heard] = [new PassThrough(), new Collector()];
  const attached = lab.runtime.attach(id, { tty: false, stdin: first, stdout: heard }, leave.signal);
  first.write('a\n');
  await until('the first line', 60_000, () => heard.text === 'got a\n');
  leave.abort();
  await expect(attached).rejects.toBe(leave.signal.reason);
  const [second, later] = [new PassThrough(), new Collector()];
  const again = lab.runtime.attach(id, { tty: false, stdin: second, stdout: later }, signal);
  second.write('b\n');
  await again;
  expect(later.text).toBe('got b\n');
});

test('a container without input gets none', async () => {
  const id = await lab.run('cat; sleep 1; echo done');
  const [stdin, stdout] = [new PassThrough(), new Collector()];
  const attached = lab.runtime.attach(id, { tty: false, stdin, stdout }, signal);
  stdin.end('lost\n');
  await attached;
  expect(stdout.text).toBe('done\n');
});

test('a terminal has the size of the client', async () => {
  // The size is set beside the input; until then stty(1) tells of 24 rows with 80 columns.
  const id = await lab.run('until stty size | grep "^31 91"; do sleep 0.1; done', { stdin: true, tty: true });
  const [stdin, stdout] = [new PassThrough(), new Collector()];
  const attached = lab.runtime.attach(
    id,
    { tty: true, stdin, stdout, onResize: (resize) => resize({ width: 91, height: 31 }) },
    signal,
  );
  await attached;
  expect(stdout.text).toBe('31 91\r\n');
});
