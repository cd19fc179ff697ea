import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planAction } from '../../../agent/server/local/action-plan.ts';
import { failure } from '../../../agent/server/local/answer.ts';
import { encodeFrame, ExecFramingError, FrameReader } from '../../../agent/server/local/exec-frames.ts';
import { parseSize } from '../../../agent/server/local/exec-input.ts';
import { errorStatus, exitStatus, readStatus } from '../../../agent/server/local/exec-status.ts';
import { isAnswer, parseTarget } from '../../../agent/server/local/target.ts';
import type { ContainerStatus, PodStatus } from '../../../agent/objects/types.ts';
import { daemonState, pod, report } from './fixtures.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const base = '/api/v1/namespaces/default/pods/web-node-1';

function plan(method: string, path: string, status: PodStatus = {}, names: readonly string[] = ['web']): unknown {
  const [container] = pod('web').spec.containers;
  const made = pod('web', status, { containers: names.map((name) => ({ ...container!, name })) });
  const target = parseTarget(path);
  if (isAnswer(target)) return target;
  return planAction(daemonState({ pods: () => [report(made)] }), method, target, now);
}

const ended = (id: string) => ({ terminated: { exitCode: 0, containerID: id === '' ? '' : `docker://${id}` } });
const status = (state: ContainerStatus['state'], change: Partial<ContainerStatus> = {}): PodStatus => ({
  containerStatuses: [
    { name: 'web', image: '', imageID: '', ready: false, restartCount: 0, state, ...change },
  ] as never,
});
const running = status({ running: {} }, { containerID: 'docker://now', lastState: ended('before') });

const answered = (code: number, reason: string, message: string): object => ({
  do: 'answer',
  answer: failure(code, reason, message),
});
const refused = (message: string): object => answered(400, 'BadRequest', message);
const log = (containerId: string, options: object = {}): object => ({
  do: 'log',
  plan: {
    containerId,
    options: { follow: false, timestamps: false, tailLines: undefined, since: undefined, ...options },
  },
});
const where = 'container "web" in pod "web-node-1"';

describe('a request for a log', () => {
  it.each<[string, PodStatus, string, object]>([
    ['what runs', running, '', log('now')],
    ['what was before', running, '?previous=true', log('before')],
    ['what has ended', status(ended('now'), { lastState: ended('before') }), '', log('now')],
    [
      'what ended last, while the next one waits',
      status({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: ended('before') }),
      '',
      log('before'),
    ],
    [
      'what ended last, where the next one did not start',
      status(ended(''), { lastState: ended('before') }),
      '',
      log('before'),
    ],
    [
      'nothing before the first',
      status({ running: {} }, { containerID: 'docker://now' }),
      '?previous=1',
      refused(`previous terminated ${where} not found`),
    ],
    [
      'what waits',
      status({ waiting: { reason: 'ContainerCreating' } }),
      '',
      refused(`${where} is waiting to start: ContainerCreating`),
    ],
    [
      'what cannot be pulled',
      status({ waiting: { reason: 'ErrImagePull' } }),
      '',
      refused(`${where} is waiting to start: image can't be pulled`),
    ],
    [
      'what is not pulled for now',
      status({ waiting: { reason: 'ImagePullBackOff' } }),
      '',
      refused(`${where} is waiting to start: trying and failing to pull image`),
    ],
    ['what has no state', status({}), '', refused(`${where} is waiting to start - no logs yet`)],
    ['what never ran', status(ended('')), '', refused(`${where} is terminated`)],
    ['what has no status', {}, '', refused(`${where} is not available`)],
    ['another container', running, '?container=db', refused('container db is not valid for pod web-node-1')],
    [
      'some lines',
      running,
      '?container=web&follow=true&timestamps=true&tailLines=5&sinceSeconds=60',
      log('now', { follow: true, timestamps: true, tailLines: 5, since: now - 60_000 }),
    ],
    ['a time', running, '?sinceTime=2026-03-01T11:00:00Z', log('now', { since: now - 3_600_000 })],
    [
      'two times',
      running,
      '?sinceTime=2026-03-01T11:00:00Z&sinceSeconds=1',
      refused('at most one of sinceTime or sinceSeconds may be specified'),
    ],
    ['no time', running, '?sinceTime=x', refused('sinceTime: "x" is no time in RFC 3339')],
    ['no number', running, '?tailLines=-1', refused('tailLines: "-1" is no number of 0 or more')],
    ['no seconds', running, '?sinceSeconds=0', refused('sinceSeconds: "0" is no number above 0')],
  ])('of %s', (_, of, query, expected) => expect(plan('GET', `${base}/log${query}`, of)).toEqual(expected));

  it('names the containers to choose from', () => {
    expect(plan('GET', `${base}/log`, running, ['web', 'db'])).toEqual(
      refused('a container name must be specified for pod web-node-1, choose one of: [web db]'),
    );
  });
});

describe('a request to run a command', () => {
  const exec = (change: object = {}): object => ({
    do: 'exec',
    plan: { containerId: 'now', command: ['ls', '-l'], stdin: false, tty: false, ...change },
  });
  const query = '?command=ls&command=-l';
  it.each<[string, PodStatus, string, object]>([
    ['what runs', running, query, exec()],
    [
      'what runs, on a terminal',
      running,
      `${query}&stdin=true&tty=true&container=web`,
      exec({ stdin: true, tty: true }),
    ],
    ['no command', running, '', refused('you must specify at least one command for the container')],
    [
      'what is over',
      { ...running, phase: 'Succeeded' },
      query,
      refused('cannot exec into a container in a completed pod; current phase is Succeeded'),
    ],
    [
      'what waits',
      status({ waiting: { reason: 'CrashLoopBackOff' } }),
      query,
      answered(404, 'NotFound', 'container not found ("web"): it does not run: CrashLoopBackOff'),
    ],
    ['what has no status', {}, query, answered(404, 'NotFound', 'container not found ("web")')],
  ])('in %s', (_, of, text, expected) => expect(plan('POST', `${base}/exec${text}`, of)).toEqual(expected));

  it('may be long', () => {
    const long = 'x'.repeat(100_000);
    expect(plan('GET', `${base}/exec?command=${long}`, running)).toEqual(exec({ command: [long] }));
  });
});

describe('other requests', () => {
  it.each<[string, string, object | undefined]>([
    ['GET', '/api/v1/events?watch=true', { do: 'watch', filter: {} }],
    ['GET', '/api/v1/namespaces/shop/events?watch=1', { do: 'watch', filter: { namespace: 'shop' } }],
    ['GET', '/api/v1/events', undefined],
    ['GET', base, undefined],
    ['POST', '/podwright/v1/namespaces/default/pods/web-node-1/rerun', { do: 'rerun', pod: pod('web') }],
    ['GET', `${base}/rerun`, answered(405, 'MethodNotAllowed', 'GET is not allowed here, only POST')],
    ['POST', `${base}/log`, answered(405, 'MethodNotAllowed', 'POST is not allowed here, only GET')],
    ['GET', '/api/v1/namespaces/default/pods/x/log', answered(404, 'NotFound', 'pods "x" not found')],
    ['GET', '/api/v1/namespaces/%zz/pods/x/log', refused('the path is not encoded as a URL')],
  ])('%s %s', (method, path, expected) => {
    expect(plan(method, path)).toEqual(
      expected === undefined ? undefined : 'pod' in expected ? { do: 'rerun', pod: pod('web') } : expected,
    );
  });

  it('never throw, whatever their target is', () => {
    const part = fc
      .string({ unit: 'binary' })
      .map((text) => new URLSearchParams({ text }).toString().slice('text='.length));
    const verb = fc.constantFrom('log', 'exec', 'rerun');
    fc.assert(
      fc.property(part, verb, part, part, (name, what, key, value) => {
        for (const pod of [name, 'web-node-1']) {
          plan('GET', `/api/v1/namespaces/default/pods/${pod}/${what}?${key}=${value}&tailLines=${value}`, running);
        }
      }),
    );
  });
});

describe('frames of exec', () => {
  const frames = fc.array(
    fc.record({ channel: fc.integer({ min: 0, max: 255 }), data: fc.uint8Array({ maxLength: 200 }) }),
  );

  it('come out as they went in, however they were cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ channel, data }) => encodeFrame(channel, data)));
        const reader = new FrameReader();
        const received = [];
        for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
          const end = start + (cuts[turn % cuts.length] ?? 1);
          received.push(...reader.read(bytes.subarray(start, end)));
          start = end;
        }
        expect(received).toEqual(sent.map(({ channel, data }) => ({ channel, data: Buffer.from(data) })));
      }),
    );
  });

  it('are refused by their own error only, and never kept without bound', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          new FrameReader().read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ExecFramingError);
        }
      }),
    );
    expect(() => new FrameReader().read(Buffer.of(0, 0, 1, 0, 1))).toThrow(
      'a frame of 65537 bytes is longer than 65536',
    );
  });

  it.each([
    ['{"Width":80,"Height":24}', { width: 80, height: 24 }],
    ['{"Width":0,"Height":24}', undefined],
    ['{"Width":"80","Height":24}', undefined],
    ['{"Width":70000,"Height":24}', undefined],
    ['null', undefined],
    ['{', undefined],
  ])('size %s', (text, size) => expect(parseSize(text)).toEqual(size));

  it('carry exit codes and errors', () => {
    for (let code = 0; code < 256; code += 1) expect(readStatus(exitStatus(code))).toBe(code);
    expect(readStatus(errorStatus(new Error('no')))).toEqual(new Error('no'));
    expect(readStatus(errorStatus('no'))).toEqual(new Error('no'));
  });
});
