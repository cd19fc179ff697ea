import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createResultCache } from '../../../cni/cache.ts';
import { defaultNetwork, subnetsOf } from '../../../cni/default-network.ts';
import { createPodNetwork } from '../../../cni/network.ts';
import type { Attachment, PodNetwork } from '../../../cni/types.ts';
import { CniError } from '../../../cni/spec/error.ts';
import type { ExecRequest } from '../../../cni/util/exec.ts';
import { createGate } from '../../../cni/util/gate.ts';

let dir: string;
const signal = new AbortController().signal;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwright-cni-'));
  mkdirSync(join(dir, 'conf'));
  mkdirSync(join(dir, 'bin'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Plugins of somebody else, answered by the test: what was asked for is in `asked`. */
function networkOf(answers: Record<string, (request: ExecRequest) => string>) {
  const asked: string[] = [];
  const warnings: object[] = [];
  for (const type of Object.keys(answers)) writeFileSync(join(dir, 'bin', type), '', { mode: 0o755 });
  const network: PodNetwork = createPodNetwork({
    confDir: join(dir, 'conf'),
    binDirs: [join(dir, 'bin')],
    cacheDir: join(dir, 'cache'),
    dataDir: join(dir, 'data'),
    podCidrs: ['203.0.113.0/24'],
    onWarning: (message, fields) => warnings.push({ message, ...fields }),
    exec: async (request) => {
      const type = request.file.split('/').pop() ?? '';
      asked.push(`${request.env?.['CNI_COMMAND'] ?? ''} ${type}`);
      return Promise.resolve({ stdout: answers[type]?.(request) ?? '', stderr: '' });
    },
  });
  return { network, asked, warnings };
}

function writeConfig(name: string, types: readonly string[], extra: object = {}): void {
  const config = { cniVersion: '1.1.0', name: 'net', plugins: types.map((type) => ({ type })), ...extra };
  writeFileSync(join(dir, 'conf', name), JSON.stringify(config));
}

const attachment = (containerId: string): Attachment => ({
  containerId,
  netns: '/proc/1/ns/net',
  pod: { name: 'p', namespace: 'default', uid: 'u' },
  portMappings: [],
});

const result = (ip: string): string => JSON.stringify({ cniVersion: '1.1.0', ips: [{ address: ip }] });
const prevResult = ({ input }: ExecRequest): string =>
  JSON.stringify((JSON.parse(input ?? '') as { prevResult: object }).prevResult);

describe('the network', () => {
  test('runs plugins in order with the result of the one before, DEL in reverse, and answers a second ADD from its cache', async () => {
    writeConfig('10.conflist', ['first', 'second']);
    const { network, asked } = networkOf({ first: () => result('203.0.113.9/24'), second: prevResult });
    expect((await network.add(attachment('c1'), signal)).ips).toEqual([{ address: '203.0.113.9/24' }]);
    expect((await network.add(attachment('c1'), signal)).ips).toEqual([{ address: '203.0.113.9/24' }]);
    expect(await network.cached('c1')).toMatchObject({ ips: [{ address: '203.0.113.9/24' }] });
    expect(readdirSync(join(dir, 'cache', 'results'))).toEqual(['net-c1-eth0']);
    await network.del(attachment('c1'), signal);
    expect(asked).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
    expect(await network.cached('c1')).toBeUndefined();
  });

  test('does not take an attachment whose DEL was cut short for one that works, and detaches it again', async () => {
    writeConfig('10.conflist', ['first']);
    let failing = true;
    const { network, asked } = networkOf({
      first: ({ env }) => {
        if (env?.['CNI_COMMAND'] === 'DEL' && failing) throw new Error('killed');
        return result('203.0.113.9/24');
      },
    });
    await network.add(attachment('c1'), signal);
    await expect(network.del(attachment('c1'), signal)).rejects.toThrow('killed');
    expect(await network.cached('c1')).toBeUndefined();
    failing = false;
    await network.del(attachment('c1'), signal);
    expect(asked).toEqual(['ADD first', 'DEL first', 'DEL first']);
    expect(readdirSync(join(dir, 'cache', 'results'))).toEqual([]);
  });

  test('undoes an ADD that fails half-way', async () => {
    writeConfig('10.conflist', ['first', 'second']);
    const { network, asked } = networkOf({ first: () => result('203.0.113.9/24'), second: () => 'not JSON' });
    await expect(network.add(attachment('c1'), signal)).rejects.toBeInstanceOf(CniError);
    expect(asked).toEqual(['ADD first', 'ADD second', 'DEL second', 'DEL first']);
    expect(await network.cached('c1')).toBeUndefined();
  });

  test('detaches by the configuration of the ADD, whatever is configured now', async () => {
    writeConfig('10.conflist', ['first']);
    const { network, asked } = networkOf({
      first: () => result('203.0.113.9/24'),
      other: () => result('203.0.113.8/24'),
    });
    await network.add(attachment('c1'), signal);
    writeConfig('05.conflist', ['other']);
    await network.add(attachment('c2'), signal);
    await network.del(attachment('c1'), signal);
    expect(asked).toEqual(['ADD first', 'ADD other', 'DEL first']);
  });

  test('skips a broken file, says so once, and refuses pods when there is no valid one', async () => {
    writeFileSync(join(dir, 'conf', '00.conflist'), '{');
    writeConfig('10.conflist', ['first']);
    const { network, warnings } = networkOf({ first: () => result('203.0.113.9/24') });
    await network.add(attachment('c1'), signal);
    await network.add(attachment('c2'), signal);
    expect(warnings.length).toBe(1);
    rmSync(join(dir, 'conf', '10.conflist'));
    await expect(network.add(attachment('c3'), signal)).rejects.toThrow(
      /^no valid CNI configuration: .*00\.conflist: not JSON/,
    );
    expect(network.status()).toMatchObject({ ready: false });
  });

  test('GC detaches what is gone, drops its cache entry, and tells the plugins who is left', async () => {
    writeConfig('10.conflist', ['first']);
    const told: string[] = [];
    const { network, asked } = networkOf({
      first: ({ env, input }) => {
        if (env?.['CNI_COMMAND'] === 'GC') told.push(input ?? '');
        return result('203.0.113.9/24');
      },
    });
    for (const id of ['c1', 'c2']) await network.add(attachment(id), signal);
    await network.gc(() => Promise.resolve(new Set(['c2'])), signal);
    expect(asked.slice(2)).toEqual(['DEL first', 'GC first']);
    expect(JSON.parse(told[0] ?? '')).toMatchObject({
      name: 'net',
      'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }],
    });
    expect(readdirSync(join(dir, 'cache', 'results'))).toEqual(['net-c2-eth0']);
  });

  test('GC leaves what other runtimes have in the same cache, and still detaches by it when it is asked to', async () => {
    writeConfig('10.conflist', ['first']);
    const { network, asked } = networkOf({ first: () => result('203.0.113.9/24') });
    await network.add(attachment('ours'), signal);
    const results = join(dir, 'cache', 'results');
    const { owner, ...entry } = JSON.parse(readFileSync(join(results, 'net-ours-eth0'), 'utf8')) as { owner: string };
    expect(owner).toBe('podwright');
    const foreign = JSON.stringify({ ...entry, containerId: 'theirs' });
    writeFileSync(join(results, 'net-theirs-eth0'), foreign);
    await network.gc(() => Promise.resolve(new Set()), signal);
    expect(readdirSync(results)).toEqual(['net-theirs-eth0']);
    expect(readFileSync(join(results, 'net-theirs-eth0'), 'utf8')).toBe(foreign);
    expect(asked).toEqual(['ADD first', 'DEL first', 'GC first']);
    await network.del(attachment('theirs'), signal);
    expect(readdirSync(results)).toEqual([]);
  });

  test('GC goes on behind an attachment that cannot be detached, and says which it was', async () => {
    writeConfig('10.conflist', ['first']);
    const { network, asked } = networkOf({
      first: ({ env }) => {
        if (env?.['CNI_COMMAND'] === 'DEL' && env['CNI_CONTAINERID'] !== 'c2')
          throw new Error(`no ${env['CNI_CONTAINERID']}`);
        return result('203.0.113.9/24');
      },
    });
    for (const id of ['c1', 'c2', 'c3']) await network.add(attachment(id), signal);
    await expect(network.gc(() => Promise.resolve(new Set()), signal)).rejects.toThrow(/^.*no c1.*; .*no c3.*$/);
    expect(asked.slice(3)).toEqual(['DEL first', 'DEL first', 'DEL first', 'GC first']);
    expect(readdirSync(join(dir, 'cache', 'results'))).toEqual(['net-c1-eth0', 'net-c3-eth0']);
  });

  test.each([
    ['1.1.0', {}, ['GC first']],
    ['1.0.0', {}, []],
    ['0.4.0', {}, []],
    ['1.1.0', { disableGC: true }, []],
  ])('version %s with %j: GC runs %j', async (cniVersion, more, expected) => {
    writeConfig('10.conflist', ['first'], { cniVersion, ...more });
    const { network, asked } = networkOf({ first: () => result('203.0.113.9/24') });
    await network.gc(() => Promise.resolve(new Set()), signal);
    expect(asked).toEqual(expected);
  });

  test('CHECK and DEL of 0.4.0 get the result in the form of that version', async () => {
    writeConfig('10.conflist', ['first'], { cniVersion: '0.4.0' });
    const given: unknown[] = [];
    const { network } = networkOf({
      first: (request) => {
        const { prevResult: previous } = JSON.parse(request.input ?? '') as { prevResult?: unknown };
        if (previous !== undefined) given.push(previous);
        return JSON.stringify({
          cniVersion: '0.4.0',
          ips: [
            { version: '4', address: '203.0.113.9/24' },
            { version: '6', address: '2001:db8::9/64' },
          ],
        });
      },
    });
    await network.add(attachment('c1'), signal);
    await network.check(attachment('c1'), signal);
    await network.del(attachment('c1'), signal);
    const ips = [
      { version: '4', address: '203.0.113.9/24' },
      { version: '6', address: '2001:db8::9/64' },
    ];
    expect(given).toEqual([
      { cniVersion: '0.4.0', ips },
      { cniVersion: '0.4.0', ips },
    ]);
  });

  test('a pod that waits for a valid configuration can go without one', async () => {
    writeFileSync(join(dir, 'conf', '00.conflist'), '{');
    const { network, asked } = networkOf({});
    await network.del(attachment('c1'), signal);
    expect(asked).toEqual([]);
  });

  test('a missing plugin says where it was looked for', async () => {
    writeConfig('10.conflist', ['calico']);
    const { network } = networkOf({});
    await expect(network.add(attachment('c1'), signal)).rejects.toThrow(
      /^plugin calico is not in .*bin: install it there/,
    );
  });
});

describe('the built-in network', () => {
  test('has a range of each family', () => {
    expect(subnetsOf(defaultNetwork(['203.0.113.7/24', '2001:db8:1::/64']))).toEqual([
      '203.0.113.0/24',
      '2001:db8:1::/64',
    ]);
    expect(() => defaultNetwork(['pods'])).toThrow(CniError);
  });
});

describe('the result cache', () => {
  test('takes a half-written entry for none, and says so once', async () => {
    const told: object[] = [];
    const cache = createResultCache(join(dir, 'cache'), (message, fields) => told.push({ message, ...fields }));
    const path = join(dir, 'cache', 'results', 'net-c1-eth0');
    mkdirSync(join(dir, 'cache', 'results'), { recursive: true });
    writeFileSync(path, '{"kind":"cniCacheV1","conta');
    expect(await cache.get('c1', 'eth0')).toBeUndefined();
    expect(await cache.list()).toEqual([]);
    expect(await cache.get('c1', 'eth0')).toBeUndefined();
    expect(told).toEqual([
      { message: 'CNI result cannot be read: counts as absent', path, err: expect.any(SyntaxError) as Error },
    ]);
  });
});

describe('the gate', () => {
  test('an exclusive task runs alone; what comes later waits for it', async () => {
    const gate = createGate();
    const order: string[] = [];
    const pending: (() => void)[] = [];
    const task = (name: string) => async (): Promise<void> => {
      order.push(`${name} starts`);
      await new Promise<void>((resolve) => pending.push(resolve));
      order.push(`${name} ends`);
    };
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    };
    const all = [
      gate.shared('a', task('a'), signal),
      gate.shared('b', task('b'), signal),
      gate.exclusive(task('x'), signal),
      gate.shared('c', task('c'), signal),
    ];
    await settle();
    expect(order).toEqual(['a starts', 'b starts']);
    for (let released = 0; released < 4; released += 1) {
      pending.shift()?.();
      await settle();
    }
    await Promise.all(all);
    expect(order.slice(2)).toEqual(['a ends', 'b ends', 'x starts', 'x ends', 'c starts', 'c ends']);
  });

  test('who is aborted while it waits leaves, and its task is never started', async () => {
    const gate = createGate();
    let release = (): void => undefined;
    const running = gate.shared('a', () => new Promise<void>((resolve) => (release = resolve)), signal);
    const stop = new AbortController();
    const started: string[] = [];
    const start = (name: string) => (): Promise<void> => {
      started.push(name);
      return Promise.resolve();
    };
    const waiting = [gate.shared('a', start('shared'), stop.signal), gate.exclusive(start('exclusive'), stop.signal)];
    stop.abort(new Error('stopped'));
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'stopped' } });
    }
    release();
    await running;
    await gate.exclusive(start('next'), signal);
    expect(started).toEqual(['next']);
  });
});
