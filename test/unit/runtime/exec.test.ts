import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { DockerClient, ExecInspection } from '../../../agent/runtime/docker/api.ts';
import { logQuery } from '../../../agent/runtime/docker/container-logs.ts';
import { execSync } from '../../../agent/runtime/docker/exec.ts';
import { HeadSink } from '../../../agent/runtime/docker/head-sink.ts';
import { copyOutput } from '../../../agent/runtime/docker/output.ts';

const never = new AbortController().signal;
const stdout = (text: string): Buffer =>
  Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);

/** A Docker whose command prints `hi`, and that tells the exit code at the last of the inspections. */
function fakeDocker(inspections: readonly ExecInspection[]): { client: DockerClient; calls: string[] } {
  const calls: string[] = [];
  const answers = [...inspections];
  const client: Partial<DockerClient> = {
    createExec: (container, body) => {
      calls.push(`create ${container} ${body.Cmd.join(' ')}`);
      return Promise.resolve('e1');
    },
    startExec: (id) => {
      calls.push(`start ${id}`);
      return Promise.resolve(Readable.from([stdout('hi')], { objectMode: false }));
    },
    inspectExec: (id) => {
      calls.push(`inspect ${id}`);
      return Promise.resolve(answers.shift() ?? { Running: true, ExitCode: null, Pid: 5 });
    },
  };
  return { client: client as DockerClient, calls };
}

describe('execSync', () => {
  test('takes three calls', async () => {
    const { client, calls } = fakeDocker([{ Running: false, ExitCode: 4, Pid: 5 }]);
    expect(await execSync(client, 'c1', ['echo', 'hi'], 1_000, never)).toEqual({
      exitCode: 4,
      stdout: 'hi',
      stderr: '',
    });
    expect(calls).toEqual(['create c1 echo hi', 'start e1', 'inspect e1']);
  });

  test('asks again when Docker has ended the output but does not know the exit code yet', async () => {
    const { client, calls } = fakeDocker([
      { Running: true, ExitCode: null, Pid: 5 },
      { Running: false, ExitCode: 0, Pid: 5 },
    ]);
    expect(await execSync(client, 'c1', ['true'], 0, never)).toMatchObject({ exitCode: 0 });
    expect(calls.filter((call) => call.startsWith('inspect')).length).toBe(2);
  });
});

describe('output', () => {
  test('of which the first bytes are kept, and no half character', () => {
    const sink = new HeadSink(5);
    for (const part of ['ab', 'é€', 'more']) sink.write(part);
    sink.end();
    expect(sink.text()).toBe('abé');
    const exact = new HeadSink(4);
    exact.end('abé');
    expect(exact.text()).toBe('abé');
  });

  test('no faster than a sink takes it; an abort ends the wait', async () => {
    const slow = new PassThrough({ highWaterMark: 1 });
    const controller = new AbortController();
    const source = Readable.from([stdout('one'), stdout('two')], { objectMode: false });
    const done = copyOutput(source, false, { stdout: slow }, controller.signal);
    controller.abort(new Error('enough'));
    await expect(done).rejects.toThrow();
    expect(source.destroyed).toBe(true);
    expect(slow.destroyed).toBe(false);
  });

  test('of a terminal has no frames; the sink stays open', async () => {
    const sink = new PassThrough();
    await copyOutput(Readable.from([Buffer.from([1, 2, 3])], { objectMode: false }), true, { stdout: sink }, never);
    expect(sink.read()).toEqual(Buffer.from([1, 2, 3]));
    expect(sink.writable).toBe(true);
  });
});

test.each([
  [
    { follow: false, tailLines: undefined, since: undefined, timestamps: false },
    { tail: 'all', since: '0', follow: false },
  ],
  [
    { follow: true, tailLines: 0, since: 1_767_225_600_123, timestamps: true },
    { tail: '0', since: '1767225600.123', follow: true },
  ],
])('query of a log', (options, query) => {
  expect(logQuery(options)).toEqual({ ...query, stdout: true, stderr: true, timestamps: options.timestamps });
});
