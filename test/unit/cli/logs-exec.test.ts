import { EventEmitter } from 'node:events';
import { type Duplex, PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { chooseContainer } from '../../../agent/cli/containers-plan.ts';
import { runSession } from '../../../agent/cli/exec/session.ts';
import { type LogFlags, logQuery } from '../../../agent/cli/logs/query-plan.ts';
import { channels, encodeFrame, type Frame, FrameReader } from '../../../agent/server/local/exec-frames.ts';
import { errorStatus, exitStatus } from '../../../agent/server/local/exec-status.ts';
import { pod } from '../server/fixtures.ts';
import { socketPair } from '../server/socket-pair.ts';

const [container] = pod('web').spec.containers;
const named = (name: string) => ({ ...container!, name });

function podOf(spec: Parameters<typeof pod>[2], annotation?: string): ReturnType<typeof pod> {
  const made = pod('web', {}, spec);
  const annotations = annotation === undefined ? {} : { 'kubectl.kubernetes.io/default-container': annotation };
  return { ...made, metadata: { ...made.metadata, annotations } };
}

const three = { containers: [named('a'), named('b')], initContainers: [named('c')], ephemeralContainers: [named('d')] };

describe('chooseContainer', () => {
  it.each([
    ['the only one', podOf({ containers: [named('a')] }), undefined, { container: 'a' }],
    [
      'the first of several, with a note',
      podOf(three),
      undefined,
      { container: 'a', note: 'Defaulted container "a" out of: a, b, d (ephem), c (init)' },
    ],
    ['the annotated one', podOf(three, 'b'), undefined, { container: 'b' }],
    [
      'the first where the annotation names none',
      podOf({ containers: [named('a')], initContainers: [named('c')] }, 'x'),
      undefined,
      { container: 'a', note: 'Defaulted container "a" out of: a, c (init)' },
    ],
    ['the named one, whatever the annotation says', podOf(three, 'b'), 'c', { container: 'c' }],
  ])('is %s', (_, of, asked, expected) => expect(chooseContainer(of, asked)).toEqual(expected));

  it('names what there is instead', () => {
    expect(() => chooseContainer(podOf(three), 'x')).toThrow(
      new RangeError('container x not found in pod web-node-1; it has: a, b, d (ephem), c (init)'),
    );
  });
});

describe('logQuery', () => {
  it.each<[LogFlags, string]>([
    [{}, ''],
    [{ follow: true, previous: true, timestamps: true }, 'follow=true&previous=true&timestamps=true'],
    [{ tail: '0' }, 'tailLines=0'],
    [{ tail: '20', since: '1m0.5s' }, 'tailLines=20&sinceSeconds=61'],
    [{ tail: '-1' }, ''],
    [{ sinceTime: '2026-03-01T12:00:00+01:00' }, 'sinceTime=2026-03-01T12%3A00%3A00%2B01%3A00'],
  ])('%j', (flags, query) => expect(logQuery(flags).toString()).toBe(query));

  it.each<[LogFlags, string]>([
    [{ tail: '-2' }, '--tail must be greater than or equal to -1'],
    [{ tail: 'x' }, '--tail must be greater than or equal to -1'],
    [{ since: '5' }, '--since: "5" is no duration above 0'],
    [{ since: '-5s' }, '--since: "-5s" is no duration above 0'],
    [{ sinceTime: 'yesterday' }, '--since-time: "yesterday" is no time in RFC 3339'],
    [{ sinceTime: '2026-13-01T00:00:00Z' }, '--since-time: "2026-13-01T00:00:00Z" is no time in RFC 3339'],
    [{ since: '5s', sinceTime: '2026-03-01T12:00:00Z' }, 'at most one of'],
  ])('refuses %j', (flags, message) => expect(() => logQuery(flags)).toThrow(message));
});

async function take(theirs: Duplex, count: number): Promise<readonly Frame[]> {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  return new Promise((resolve) => {
    theirs.on('data', (chunk: Buffer) => {
      frames.push(...reader.read(chunk));
      if (frames.length >= count) resolve(frames);
    });
  });
}

const frame = (channel: number, data: string | object): Buffer =>
  encodeFrame(channel, Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)));

class Terminal extends PassThrough {
  columns = 80;
  rows = 24;
}

describe('runSession', () => {
  it('passes input and its end on, and output and the exit code back', async () => {
    const { ours, theirs } = await socketPair();
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const session = runSession(ours, { stdin, stdout, stderr, tty: false });
    stdin.end('in');
    expect(await take(theirs, 2)).toEqual([
      { channel: 0, data: Buffer.from('in') },
      { channel: 255, data: Buffer.of(0) },
    ]);
    const answer = [frame(channels.stdout, 'out'), frame(channels.stdout, ''), frame(channels.stderr, 'err')];
    theirs.write(Buffer.concat([...answer, frame(channels.error, exitStatus(7))]));
    expect(await session).toBe(7);
    expect([await text(stdout.end()), await text(stderr.end())]).toEqual(['out', 'err']);
  });

  it('sets the terminal to pass keys on, tells its sizes, and sets it back', async () => {
    const { ours, theirs } = await socketPair();
    const modes: boolean[] = [];
    const stdin = Object.assign(new PassThrough(), { setRawMode: (mode: boolean) => void modes.push(mode) });
    const stdout = new Terminal();
    const session = runSession(ours, { stdin: stdin as never, stdout, stderr: new PassThrough(), tty: true });
    stdout.columns = 100;
    stdout.emit('resize');
    expect((await take(theirs, 2)).map(({ channel, data }) => [channel, data.toString()])).toEqual([
      [4, '{"Width":80,"Height":24}'],
      [4, '{"Width":100,"Height":24}'],
    ]);
    theirs.write(frame(channels.error, exitStatus(0)));
    expect([await session, modes, stdout.listenerCount('resize')]).toEqual([0, [true, false], 0]);
  });

  it.each([
    [
      'why a command could not be run',
      (theirs: Duplex) => theirs.write(frame(3, errorStatus(new Error('no such file')))),
      'no such file',
    ],
    ['that the connection ended', (theirs: Duplex) => theirs.end(), 'podwright went away while the command ran'],
    ['that the connection broke', (theirs: Duplex) => theirs.destroy(), 'podwright went away while the command ran'],
  ])('says %s', async (_, act, message) => {
    const { ours, theirs } = await socketPair();
    const session = runSession(ours, {
      stdin: undefined,
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      tty: false,
    });
    act(theirs);
    await expect(session).rejects.toThrow(message);
  });

  it('reads no faster than its output is taken', async () => {
    const { ours, theirs } = await socketPair();
    const taken = new EventEmitter();
    const held: (() => void)[] = [];
    const stdout = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        held.push(done);
        taken.emit('write');
      },
    });
    const session = runSession(ours, { stdin: undefined, stdout, stderr: new PassThrough(), tty: false });
    for (let index = 0; index < 3; index += 1) theirs.write(frame(channels.stdout, 'x'));
    theirs.write(frame(channels.error, exitStatus(0)));
    for (let index = 0; index < 3; index += 1) {
      if (held.length <= index) await new Promise((resolve) => taken.once('write', resolve));
      expect(held.length).toBe(index + 1);
      held[index]?.();
    }
    expect(await session).toBe(0);
  });
});
