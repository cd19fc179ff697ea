import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storePair } from '../../../agent/bootstrap/certificate-store.ts';
import { withKeptCertificate } from '../../../agent/bootstrap/kept-certificate.ts';
import { createAuthority } from './authority.ts';

const commonName = 'system:node:n1';
const server = 'https://192.0.2.1:6443';
const now = (): number => Date.parse('2026-01-31T12:00:00Z');
const minuteMs = 60_000;

let directory: string;
let current: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwright-kept-'));
  current = join(directory, 'pki', 'kubelet-client-current.pem');
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Given {
  readonly name?: string;
  /** Of its end, beside that of others. */
  readonly laterMs?: number;
}

function pairOf({ name = commonName, laterMs = 0 }: Given = {}): {
  readonly certificate: string;
  readonly key: string;
} {
  const { pem, privateKey } = createAuthority(name, laterMs);
  return { certificate: pem, key: privateKey };
}

/** What the daemon uses with a kubeconfig that holds or names this certificate. */
async function used(
  pair: ReturnType<typeof pairOf>,
  refused = false,
  embedsCertificate = true,
): Promise<string | undefined> {
  const connection = { server, ca: undefined, embedsCertificate, ...pair };
  return (await withKeptCertificate(connection, refused, { current, commonName, now })).certificate;
}

const store = async ({ certificate, key }: ReturnType<typeof pairOf>): Promise<void> =>
  storePair(current, 'kubelet-client', { certificate, privateKey: key }, new Date(now() - minuteMs));

describe('a kubeconfig that holds the certificate of the node', () => {
  it('has it kept where it is renewed', async () => {
    const own = pairOf();
    expect(await used(own)).toBe(own.certificate);
    expect(readFileSync(current, 'utf8')).toBe(own.certificate.trimEnd() + '\n' + own.key.trimEnd() + '\n');
  });

  it('gives way to the renewed one, unless that is refused', async () => {
    const [own, renewed] = [pairOf(), pairOf({ laterMs: minuteMs })];
    await used(own);
    await store(renewed);
    expect(await used(own)).toContain(renewed.certificate.trimEnd());
    expect(await used(own, true)).toBe(own.certificate);
  });

  it('goes before one that ends earlier: somebody has made a new one', async () => {
    const [former, own] = [pairOf(), pairOf({ laterMs: minuteMs })];
    await used(former);
    expect(await used(own)).toBe(own.certificate);
    expect(readFileSync(current, 'utf8')).toContain(own.certificate.trimEnd());
  });

  it('is left alone when it is of somebody else', async () => {
    const admin = pairOf({ name: 'kubernetes-admin' });
    expect(await used(admin)).toBe(admin.certificate);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is left alone in a file of its own', async () => {
    const own = pairOf();
    expect(await used(own, false, false)).toBe(own.certificate);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('goes before the kept one of somebody else', async () => {
    const own = pairOf();
    await used(own);
    await store(pairOf({ name: 'system:node:n2', laterMs: minuteMs }));
    expect(await used(own)).toBe(own.certificate);
  });
});
