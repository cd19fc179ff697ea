import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../cni/spec/config.ts';
import { CniError } from '../../cni/spec/error.ts';
import { encodeResult, parseError, parseResult } from '../../cni/spec/result.ts';
import { formatNetwork, parseCidr } from '../../cni/index.ts';
import { fuzz } from './fuzz.ts';

const isCniError = (error: unknown): boolean => error instanceof CniError;

describe('CNI', () => {
  test('configuration', async () => {
    const plugins = [{ type: 'bridge', ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/16' }]] } }];
    await fuzz({
      seeds: [
        JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins, disableCheck: true }),
        JSON.stringify({ cniVersions: ['0.4.0', '1.1.0'], cniVersion: '1.1.0', name: 'one', type: 'ptp' }),
      ],
      decode: (input) => expect(parseConfig(input.toString('utf8')).plugins).not.toEqual([]),
      refuses: isCniError,
    });
  });

  test('results and errors of plugins', async () => {
    const result = {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/proc/1/ns/net' }],
      ips: [{ address: '192.0.2.2/24', gateway: '192.0.2.1', interface: 0 }],
      routes: [{ dst: '0.0.0.0/0', gw: '192.0.2.1' }],
    };
    await fuzz({
      seeds: [JSON.stringify(result), JSON.stringify({ ...result, cniVersion: '0.3.1' })],
      decode: (input) => {
        const text = input.toString('utf8');
        parseError(text);
        encodeResult(parseResult(text), '0.4.0');
      },
      refuses: isCniError,
    });
  });

  test('addresses and ranges mean the same when written again', async () => {
    await fuzz({
      seeds: ['192.0.2.0/24', '2001:db8::/32', '::ffff:192.0.2.1/128', '0.0.0.0/0'],
      decode: (input) => {
        const cidr = parseCidr(input.toString('utf8'));
        if (cidr === undefined) return;
        const { first, last, prefix } = cidr;
        expect(parseCidr(formatNetwork(cidr))).toEqual({ family: cidr.family, address: first, prefix, first, last });
      },
    });
  });
});
