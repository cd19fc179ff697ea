import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Claim, createClaims } from '../../../../cni/portmap/claims.ts';
import type { HostPort } from '../../../../cni/portmap/plan.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'claims-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const port: HostPort = {
  family: 4,
  protocol: 'tcp',
  hostPort: 8080,
  hostIp: undefined,
  podIp: '203.0.113.2',
  podNet: '203.0.113.0/24',
  containerPort: 80,
};
const claimOf = (containerId: string, network = 'net'): Claim => ({ containerId, network, ports: [port] });

test('a port has one holder, in all networks, also for a daemon that was started again', async () => {
  await createClaims(directory).claim(claimOf('c1'));
  const claims = createClaims(directory);
  expect(await claims.all()).toEqual([claimOf('c1')]);
  await claims.claim(claimOf('c1'));
  await expect(claims.claim(claimOf('c2', 'another'))).rejects.toMatchObject({
    code: 11,
    message: 'portmap: host port tcp/8080 is taken by sandbox c1',
  });
  expect(await claims.get('c2')).toBeUndefined();
  await claims.release('c1');
  await claims.release('c1');
  await claims.claim(claimOf('c2', 'another'));
  expect(readdirSync(directory)).toEqual(['c2']);
});

test.each(['', '{"network":"net","po', 'null', '{"network":"net","ports":[{"hostPort":"8080 }"}]}', '{"ports":[]}'])(
  'a file of %j holds nothing, and can be released',
  async (content) => {
    writeFileSync(join(directory, 'c1'), content);
    const claims = createClaims(directory);
    expect(await claims.all()).toEqual([{ containerId: 'c1', network: '', ports: [] }]);
    await claims.claim(claimOf('c2'));
    await claims.release('c1');
    expect(readdirSync(directory)).toEqual(['c2']);
  },
);

test('what cannot be stored is not claimed', async () => {
  const broken = createClaims(join(directory, 'none'));
  expect(await broken.all()).toEqual([]);
  writeFileSync(join(directory, 'none'), 'a file where a directory is to be made');
  await expect(broken.claim(claimOf('c2'))).rejects.toMatchObject({ name: 'CniError', code: 5 });
  expect(await broken.get('c2')).toBeUndefined();
});
