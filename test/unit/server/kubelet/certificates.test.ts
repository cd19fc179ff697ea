import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MaterialReader } from '../../../../agent/server/kubelet/certificates.ts';
import { newDirectory } from './fixtures.ts';

test.each(['self-signed', 'bootstrap'] as const)(
  'a certificate (%s) follows the addresses of the node',
  async (origin) => {
    const directory = newDirectory();
    const serving = { origin, cert: join(directory, 'kubelet.crt'), key: join(directory, 'kubelet.key') };
    let hosts = ['node_1', '192.0.2.1'];
    const open = (): MaterialReader =>
      new MaterialReader({ serving, clientCaFile: undefined, hosts: () => hosts, now: () => Date.now() });
    const reader = open();
    const first = await reader.read();
    expect(await reader.read()).toEqual(first);
    hosts = ['node_1', '192.0.2.1', '2001:db8::1'];
    const second = await reader.read();
    expect(new X509Certificate(second.cert).checkIP('2001:db8::1')).toBe('2001:db8::1');
    expect(second.cert).not.toBe(first.cert);
    hosts = ['node_1', '192.0.2.1'];
    expect(await reader.read(), 'an address less').toEqual(second);
    if (origin === 'self-signed') expect(await open().read(), 'after a restart').toEqual(second);
  },
);
