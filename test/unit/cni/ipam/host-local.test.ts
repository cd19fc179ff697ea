import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHostLocal, ipamErrorCode, type HostLocal } from '../../../../cni/ipam/host-local.ts';
import { parseHostLocal } from '../../../../cni/ipam/ranges.ts';
import { attachmentKey } from '../../../../cni/plugin.ts';
import { CniError } from '../../../../cni/spec/error.ts';

const single = { type: 'host-local', subnet: '203.0.113.0/29' };
const dual = { type: 'host-local', ranges: [[{ subnet: '203.0.113.0/24' }], [{ subnet: '2001:db8:1::/64' }]] };

let dataDir: string;
const directory = (): string => join(dataDir, 'net');
const file = (name: string): string => join(directory(), name);
const files = (): string[] => (existsSync(directory()) ? readdirSync(directory()).sort() : []);
const open = (ipam: Record<string, unknown> = single): HostLocal =>
  createHostLocal('net', parseHostLocal(ipam), dataDir);
const addresses = async (ipam: HostLocal, container: string): Promise<string[]> =>
  (await ipam.allocate(container, 'eth0')).ips.map(({ address }) => address.split('/')[0] ?? '');
const writeAged = (name: string, content: string, seconds: number): void => {
  mkdirSync(directory(), { recursive: true });
  writeFileSync(file(name), content);
  const then = Date.now() / 1000 - seconds;
  utimesSync(file(name), then, then);
};

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'host-local-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

describe('leases on disk', () => {
  test('are laid out as the reference plugin does', async () => {
    const allocation = await open(dual).allocate('c1', 'eth0');
    expect(allocation).toEqual({
      ips: [
        { address: '203.0.113.2/24', gateway: '203.0.113.1' },
        { address: '2001:db8:1::2/64', gateway: '2001:db8:1::1' },
      ],
      routes: [],
    });
    expect(files().map((name) => [name, readFileSync(file(name), 'utf8')])).toEqual([
      ['2001:db8:1::2', 'c1\r\neth0'],
      ['203.0.113.2', 'c1\r\neth0'],
      ['last_reserved_ip.0', '203.0.113.2'],
      ['last_reserved_ip.1', '2001:db8:1::2'],
    ]);
  });

  test('are kept in the directory that the configuration names', async () => {
    const own = join(dataDir, 'own');
    await open({ ...single, dataDir: own }).allocate('c1', 'eth0');
    expect(readdirSync(join(own, 'net'))).toContain('203.0.113.2');
  });

  test('make a repeated request get what it has, also after a restart', async () => {
    const ipam = open(dual);
    const first = await ipam.allocate('c1', 'eth0');
    expect([await ipam.allocate('c1', 'eth0'), await open(dual).allocate('c1', 'eth0')]).toEqual([first, first]);
    expect(await ipam.allocate('c1', 'net1')).not.toEqual(first);
  });

  test('that somebody removed are not relied on', async () => {
    const ipam = open();
    await ipam.allocate('c1', 'eth0');
    rmSync(file('203.0.113.2'));
    expect(await addresses(ipam, 'c1')).toEqual(['203.0.113.3']);
    expect(readFileSync(file('203.0.113.3'), 'utf8')).toBe('c1\r\neth0');
  });

  test('of a release twice, and of nobody, are gone and break nothing', async () => {
    const ipam = open(dual);
    await ipam.release('c1', 'eth0');
    await ipam.allocate('c1', 'eth0');
    await ipam.release('c1', 'eth0');
    await ipam.release('c1', 'eth0');
    expect(files()).toEqual(['last_reserved_ip.0', 'last_reserved_ip.1']);
  });

  test('of a container that attached before a restart are released', async () => {
    await open(dual).allocate('c1', 'eth0');
    await open(dual).release('c1', 'eth0');
    expect(files()).toEqual(['last_reserved_ip.0', 'last_reserved_ip.1']);
  });
});

describe('round robin', () => {
  test('lets a released address rest, and goes on after a restart', async () => {
    const ipam = open();
    const got = [await addresses(ipam, 'a'), await addresses(ipam, 'b')];
    await ipam.release('a', 'eth0');
    got.push(await addresses(ipam, 'c'), await addresses(open(), 'd'), await addresses(open(), 'e'));
    expect(got.flat()).toEqual(['203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5', '203.0.113.6']);
    expect(await addresses(open(), 'f')).toEqual(['203.0.113.2']);
  });
});

describe('a range that is used up', () => {
  const v6Small = {
    ranges: [[{ subnet: '203.0.113.0/24' }], [{ subnet: '2001:db8:1::/64', rangeEnd: '2001:db8:1::2' }]],
  };

  test('is an error that says which, and what was taken is given back', async () => {
    const ipam = open(v6Small);
    await ipam.allocate('a', 'eth0');
    const error: unknown = await ipam.allocate('b', 'eth0').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CniError);
    expect(error).toMatchObject({
      code: ipamErrorCode.exhausted,
      message: 'no IP addresses available in range set: 2001:db8:1::1-2001:db8:1::2 (network net)',
    });
    expect(files()).toEqual(['2001:db8:1::2', '203.0.113.2', 'last_reserved_ip.0', 'last_reserved_ip.1']);
  });

  test('has an address again when another process gave one back', async () => {
    const ipam = open(v6Small);
    await ipam.allocate('a', 'eth0');
    await open(v6Small).release('a', 'eth0');
    expect(await addresses(ipam, 'b')).toEqual(['203.0.113.3', '2001:db8:1::2']);
  });

  test('leaves what the attachment had before', async () => {
    await open().allocate('a', 'eth0');
    await open(v6Small).allocate('b', 'eth0');
    await expect(open(v6Small).allocate('a', 'eth0')).rejects.toThrow('no IP addresses');
    expect(readFileSync(file('203.0.113.2'), 'utf8')).toBe('a\r\neth0');
  });
});

describe('parallel requests', () => {
  test('never share an address, and leave nothing when released', async () => {
    const ipam = open(dual);
    const names = Array.from({ length: 100 }, (_, index) => `c${index}`);
    const got = (await Promise.all(names.map((name) => addresses(ipam, name)))).flat();
    expect(new Set(got).size).toBe(200);
    await Promise.all(names.map((name) => ipam.release(name, 'eth0')));
    expect(files()).toEqual(['last_reserved_ip.0', 'last_reserved_ip.1']);
  });

  test('by two processes never share an address, and each gives back its own only', async () => {
    const both = [open(dual), open(dual)];
    const one = await Promise.all(Array.from({ length: 40 }, (_, i) => addresses(both[i % 2]!, `c${i}`)));
    expect(new Set(one.flat()).size).toBe(80);
    await Promise.all(Array.from({ length: 20 }, (_, i) => both[0]!.release(`c${2 * i}`, 'eth0')));
    expect(files().filter((name) => !name.startsWith('last'))).toHaveLength(40);
  });
});

describe('foreign and broken files', () => {
  test('keep their address from being given, and are never taken for an own lease', async () => {
    writeAged('203.0.113.2', '', 0);
    writeAged('203.0.113.3', 'somebody', 0);
    mkdirSync(file('203.0.113.4'));
    writeAged('lock', '', 0);
    writeAged('last_reserved_ip.0', 'nonsense', 0);
    const ipam = open();
    expect(await addresses(ipam, 'a')).toEqual(['203.0.113.5']);
    expect(await addresses(ipam, 'a')).toEqual(['203.0.113.5']);
    await ipam.release('a', 'eth0');
    expect(files()).toEqual(['203.0.113.2', '203.0.113.3', '203.0.113.4', 'last_reserved_ip.0', 'lock']);
  });

  test('that another process made meanwhile survive a release by the loser', async () => {
    const ipam = open();
    await ipam.release('nobody', 'eth0');
    writeAged('203.0.113.2', 'other\r\neth0', 0);
    expect(await addresses(ipam, 'a')).toEqual(['203.0.113.3']);
    await ipam.release('a', 'eth0');
    expect(existsSync(file('203.0.113.2'))).toBe(true);
  });

  test('are reclaimed by GC when they are old; leases of those that are not valid at once', async () => {
    const ipam = open();
    await ipam.allocate('a', 'eth0');
    await ipam.allocate('b', 'eth0');
    writeAged('203.0.113.4', '', 3600);
    writeAged('203.0.113.5', '', 0);
    writeAged('.tmp-1-1', 'x', 3600);
    writeAged('.tmp-1-2', 'x', 0);
    mkdirSync(file('203.0.113.6'));
    await ipam.gc(new Set([attachmentKey('b', 'eth0')]));
    expect(files()).toEqual(['.tmp-1-2', '203.0.113.3', '203.0.113.5', '203.0.113.6', 'last_reserved_ip.0']);
    expect(await addresses(ipam, 'c')).toEqual(['203.0.113.4']);
  });
});

describe('any sequence of requests', () => {
  const step = fc.record({
    verb: fc.constantFrom('allocate', 'allocate', 'release', 'restart', 'gc'),
    container: fc.integer({ min: 0, max: 7 }),
    process: fc.integer({ min: 0, max: 1 }),
  });

  test('gives no address twice, and the disk says who has which', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        rmSync(directory(), { recursive: true, force: true });
        const processes = [open(), open()];
        const held = new Map<string, string>();
        for (const { verb, container, process } of steps) {
          // A container is attached by one daemon; any may be told to detach it.
          const ipam = processes[verb === 'allocate' ? container % 2 : process]!;
          const name = `c${container}`;
          if (verb === 'restart') processes[process] = open();
          else if (verb === 'gc') await ipam.gc(new Set([...held.keys()].map((key) => attachmentKey(key, 'eth0'))));
          else if (verb === 'release') {
            await ipam.release(name, 'eth0');
            held.delete(name);
          } else if (held.has(name) || held.size < 5) held.set(name, (await addresses(ipam, name))[0]!);
          else await expect(addresses(ipam, name)).rejects.toThrow('no IP addresses');
        }
        const onDisk = files().filter((name) => /^\d/.test(name));
        expect(onDisk).toEqual([...held.values()].sort());
        expect(new Set(held.values()).size).toBe(held.size);
      }),
      { numRuns: 60 },
    );
  });
});
