import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContainerInspection, ContainerListEntry } from '../../../agent/runtime/docker/api.ts';
import { DockerError, isConflict, isNotFound, toRuntimeError } from '../../../agent/runtime/docker/errors.ts';
import { decodeEvent } from '../../../agent/runtime/docker/events.ts';
import { jsonLines } from '../../../agent/runtime/docker/json-lines.ts';
import { decodeAnnotations, decodePod, encodeLabels } from '../../../agent/runtime/docker/labels.ts';
import { collectorLogPath, containerLogPath } from '../../../agent/runtime/docker/logs.ts';
import { attemptOf, containerName, sandboxName } from '../../../agent/runtime/docker/names.ts';
import { summarise, toContainerStatus } from '../../../agent/runtime/docker/pod-status.ts';
import { RuntimeUnavailableError } from '../../../agent/runtime/types.ts';

const pod = { name: 'web-node', namespace: 'default', uid: 'u1' };
describe('names and labels', () => {
  test('are those of dockershim', () => {
    expect(sandboxName(pod, 0)).toBe('k8s_POD_web-node_default_u1_0');
    expect(containerName(pod, 'app', 12)).toBe('k8s_app_web-node_default_u1_12');
    expect(attemptOf('/k8s_app_web-node_default_u1_12')).toBe(12);
    expect(attemptOf('/something')).toBe(0);
  });

  test('round trip: identity and annotations', () => {
    const labels = encodeLabels('container', pod, 'app', { app: 'web' }, { 'x/y': 'z' });
    expect(decodePod(labels)).toEqual(pod);
    expect(decodeAnnotations(labels)).toEqual({ 'x/y': 'z' });
    expect(labels).toMatchObject({ app: 'web', 'io.kubernetes.docker.type': 'container' });
  });

  test('a user label cannot take the place of one of ours', () => {
    const labels = encodeLabels('container', pod, 'app', { 'io.kubernetes.pod.uid': 'forged' }, {});
    expect(decodePod(labels).uid).toBe('u1');
  });

  test('log paths: the collector’s name stays within 255 bytes and keeps the ID', () => {
    expect(containerLogPath('/var/log/pods', pod, 'app', 3)).toBe('/var/log/pods/default_web-node_u1/app/3.log');
    const id = 'f'.repeat(64);
    expect(collectorLogPath('/l', pod, 'app', id)).toBe(`/l/web-node_default_app-${id}.log`);
    const long = collectorLogPath('/l', { ...pod, name: 'n'.repeat(253) }, 'app', id).slice('/l/'.length);
    expect(long.length).toBe(255);
    expect(long.endsWith(`-${id}.log`)).toBe(true);
  });
});

describe('errors', () => {
  test('answers of the API carry code and message; silence is RuntimeUnavailableError', () => {
    const answer = Object.assign(new Error('(HTTP code 404) no such container - No such container: x '), {
      statusCode: 404,
      json: { message: 'No such container: x' },
    });
    const error = toRuntimeError('inspect container x', answer);
    expect(error).toBeInstanceOf(DockerError);
    expect(isNotFound(error)).toBe(true);
    expect(isConflict(error)).toBe(false);
    expect((error as Error).message).toBe('inspect container x: No such container: x');
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(toRuntimeError('docker info', refused)).toBeInstanceOf(RuntimeUnavailableError);
    expect(toRuntimeError('docker info', new Error('socket hang up'))).toBeInstanceOf(RuntimeUnavailableError);
    const reason = new Error('stop');
    expect(toRuntimeError('docker info', refused, AbortSignal.abort(reason))).toBe(reason);
  });
});

describe('decoders of what Docker sends', () => {
  test('events of pods', () => {
    const attributes = { 'io.kubernetes.pod.uid': 'u1' };
    const event = (Action: string): object => ({ Action, Actor: { ID: 'c1', Attributes: attributes } });
    expect(decodeEvent(event('die'))).toEqual({ podUid: 'u1', containerId: 'c1', kind: 'stopped' });
    expect(decodeEvent(event('start'))).toMatchObject({ kind: 'started' });
    expect(decodeEvent(event('exec_start: sh'))).toBeUndefined();
    expect(decodeEvent({ Action: 'die', Actor: { ID: 'c1', Attributes: {} } })).toBeUndefined();
  });

  test('never throw on other JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        decodeEvent(value);
      }),
    );
  });

  test('lines of JSON, however they are cut', async () => {
    const text = '{"a":1}\n\n{"b":"é"}\r\n{"c":3}';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
        const bytes = Buffer.from(text);
        const points = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = points.slice(1).map((end, index) => bytes.subarray(points[index], end));
        const values: unknown[] = [];
        for await (const value of jsonLines(Readable.from(chunks, { objectMode: false }))) values.push(value);
        expect(values).toEqual([{ a: 1 }, { b: 'é' }, { c: 3 }]);
      }),
    );
  });

  const entry: ContainerListEntry = {
    Id: 'c1',
    Names: ['/k8s_app_web-node_default_u1_2'],
    Image: 'busybox',
    ImageID: 'sha256:1',
    Created: 1_767_225_600,
    State: 'created',
    Labels: encodeLabels('container', pod, 'app', {}, {}),
    HostConfig: { NetworkMode: 'container:s' },
  };

  const inspection = (state: Partial<ContainerInspection['State']>): ContainerInspection => ({
    Id: 'c1',
    Created: '2026-01-01T00:00:00.5Z',
    Image: 'sha256:1',
    Config: { Labels: {} },
    HostConfig: {},
    State: {
      Status: 'created',
      Pid: 0,
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      StartedAt: '0001-01-01T00:00:00Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      ...state,
    },
  });

  test.each([
    [inspection({}), 'created', 0],
    [inspection({ ExitCode: 127, Error: 'no such file' }), 'exited', 1_767_225_600_500],
    [inspection({ Status: 'running', StartedAt: '2026-01-01T00:00:01Z' }), 'running', 0],
    [inspection({ Status: 'paused' }), 'running', 0],
    [inspection({ Status: 'dead', FinishedAt: '2026-01-01T00:00:09Z' }), 'exited', 1_767_225_609_000],
    [undefined, 'unknown', 0],
  ])('state of a container', (found, state, finishedAt) => {
    expect(toContainerStatus(entry, found)).toMatchObject({ name: 'app', attempt: 2, state, finishedAt });
  });

  test('a list by pod, with a fingerprint that changes with any state', () => {
    const [before] = summarise([entry]);
    const [after] = summarise([{ ...entry, State: 'running' }]);
    expect(before).toMatchObject({ pod, containers: [{ id: 'c1', name: 'app', running: false }] });
    expect(after?.fingerprint).not.toBe(before?.fingerprint);
    expect(summarise([{ ...entry, Labels: {} }])).toEqual([]);
  });
});
