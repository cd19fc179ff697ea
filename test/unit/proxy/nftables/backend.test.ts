import { describe, expect, test } from 'vitest';
import { type Exec, ExecFailure, type ExecRequest } from '../../../../cni/index.ts';
import { createNftablesBackend, nftablesSupported } from '../../../../proxy/nftables/index.ts';
import { endpoint, planOf, service, settings } from './plans.ts';

const { signal } = new AbortController();

const failed = (request: ExecRequest, stderr: string, code?: string): ExecFailure =>
  new ExecFailure(request, Object.assign(new Error('failed'), { stderr, code, shortMessage: 'failed' }) as never);

/** A program that answers in order, and remembers what it was asked. An answer of `!TEXT` is a failure with that text. */
function scripted(...answers: readonly string[]): { exec: Exec; asked: ExecRequest[] } {
  const asked: ExecRequest[] = [];
  const exec: Exec = (request) => {
    const answer = answers[asked.push(request) - 1] ?? '';
    if (answer.startsWith('!')) return Promise.reject(failed(request, answer.slice(1)));
    return Promise.resolve({ stdout: answer, stderr: '' });
  };
  return { exec, asked };
}

const argsOf = (asked: readonly ExecRequest[]): readonly string[] =>
  asked.map(({ args, input = '' }) =>
    `${args.join(' ')} ${input.startsWith('add table') ? 'all' : input === '' ? '' : 'part'}`.trim(),
  );

describe('a sync', () => {
  const web = service('web', { endpoints: [endpoint('203.0.113.1:8080')] });
  const other = service('web', { endpoints: [endpoint('203.0.113.2:8080')] });

  test('writes all, then what changed, then nothing without a process', async () => {
    const { exec, asked } = scripted();
    const backend = createNftablesBackend({ exec, family: 4 });
    expect(await backend.sync(planOf([web]), false, signal)).toMatchObject({ full: true });
    expect(await backend.sync(planOf([other], { ...settings }), false, signal)).toMatchObject({ full: false });
    expect(await backend.sync(planOf([other]), false, signal)).toEqual({ full: false, written: 0 });
    expect(await backend.sync(planOf([other]), true, signal)).toMatchObject({ full: true });
    expect(argsOf(asked)).toEqual(['-f - all', '-f - part', '-f - all']);
  });

  test('empties chains, and deletes them by the next look, when no change comes', async () => {
    const { exec, asked } = scripted();
    let time = 0;
    const backend = createNftablesBackend({ exec, family: 4, now: () => time });
    await backend.sync(planOf([web]), false, signal);
    await backend.sync(planOf([]), false, signal);
    time = 30_000;
    await backend.tend?.(signal);
    await backend.tend?.(signal);
    const commands = asked.slice(1).map(({ input = '' }) => input.split('\n').filter((line) => / chain /.test(line)));
    const [flushed = [], deleted = []] = commands;
    expect(commands.length).toBe(2);
    expect(deleted.toSorted()).toEqual(flushed.map((line) => line.replace(/^flush/, 'delete')).toSorted());
    expect(deleted.length).toBeGreaterThan(0);
  });

  test('writes all after a failure, and when the settings are others', async () => {
    const { exec, asked } = scripted('', '!Device or resource busy');
    const backend = createNftablesBackend({ exec, family: 4 });
    await backend.sync(planOf([web]), false, signal);
    await expect(backend.sync(planOf([other]), false, signal)).rejects.toThrow('busy');
    expect(await backend.sync(planOf([other]), false, signal)).toMatchObject({ full: true });
    expect(await backend.sync(planOf([other], { ...settings, nodeIps: [] }), false, signal)).toMatchObject({
      full: true,
    });
    expect(argsOf(asked)).toEqual(['-f - all', '-f - part', '-f - all', '-f - all']);
  });

  test('keeps the clients of session affinity over a full one', async () => {
    const sticky = { ...web, affinitySeconds: 60 };
    const set = {
      name: 'affinity-WYPLPUW2-lab/web/tcp/http__203.0.113.1/8080',
      elem: [{ elem: { val: '198.51.100.9', expires: 42 } }],
    };
    const { exec, asked } = scripted(JSON.stringify({ nftables: [{ set }] }));
    await createNftablesBackend({ exec, family: 4 }).sync(planOf([sticky]), false, signal);
    expect(argsOf(asked)).toEqual(['-j list sets table ip kube-proxy', '-f - all']);
    expect(asked[1]?.input).toContain('elements = { 198.51.100.9 expires 42s }');
  });
});

describe('whether the table is there', () => {
  const rule = (marker: string): string =>
    `table ip kube-proxy {\n\tchain services {\n\t\tip daddr comment "${marker}"\n\t}\n}\n`;
  test.each([
    ['it is', rule('podwright 1'), true],
    ['another program wrote it', rule('podwright 2'), false],
    ['its rules were flushed', 'table ip kube-proxy {\n\tchain services {\n\t}\n}\n', false],
    ['it was deleted', '!Error: No such file or directory', false],
  ])('%s', async (_, answer, expected) => {
    const { exec } = scripted(answer);
    expect(await createNftablesBackend({ exec, family: 4, marker: 'podwright 1' }).isIntact(signal)).toBe(expected);
  });

  test('another failure is none of these', async () => {
    const { exec } = scripted('!Operation not permitted');
    await expect(createNftablesBackend({ exec, family: 6 }).isIntact(signal)).rejects.toThrow('not permitted');
  });
});

describe('cleaning up', () => {
  test.each(['', '!Error: No such file or directory'])('deletes the table: %j', async (answer) => {
    const { exec, asked } = scripted(answer);
    await createNftablesBackend({ exec, family: 6 }).cleanup(signal);
    expect(argsOf(asked)).toEqual(['delete table ip6 kube-proxy']);
  });

  test('says so when it cannot', async () => {
    const { exec } = scripted('!Operation not permitted');
    await expect(createNftablesBackend({ exec, family: 4 }).cleanup(signal)).rejects.toThrow('not permitted');
  });
});

describe('whether it can work here', () => {
  test('it can', async () => {
    const { exec, asked } = scripted();
    expect(await nftablesSupported(exec, signal)).toBeUndefined();
    expect(argsOf(asked)).toEqual(['--check -f - all']);
  });

  test('the kernel lacks something', async () => {
    const { exec } = scripted('!/dev/stdin:3:4-9: Error: Could not process rule: No such file\nfib daddr type local');
    expect(await nftablesSupported(exec, signal)).toBe(
      'nft refuses the rules that are needed: /dev/stdin:3:4-9: Error: Could not process rule: No such file',
    );
  });

  test('there is no nft', async () => {
    const exec: Exec = (request) => Promise.reject(failed(request, '', 'ENOENT'));
    expect(await nftablesSupported(exec, signal)).toBe('the program nft is not installed');
  });
});
