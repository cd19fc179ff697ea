import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { requestCertificate } from '../../../agent/bootstrap/csr-der.ts';
import { requestState } from '../../../agent/bootstrap/csr-status.ts';

const openssl = (args: readonly string[], input: string): string =>
  execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'pipe'] }).toString();

describe('certificate request', () => {
  const subject = { organizations: ['system:nodes'], commonName: 'system:node:worker-1' };

  test('is signed with its own key, in the words of openssl', () => {
    const { request, privateKey } = requestCertificate(subject);
    const text = openssl(['req', '-verify', '-noout', '-subject', '-pubkey', '-nameopt', 'RFC2253'], request);
    expect(text).toContain('subject=CN=system:node:worker-1,O=system:nodes');
    expect(text).toContain(openssl(['pkey', '-pubout'], privateKey).trim());
    expect(openssl(['req', '-noout', '-text'], request)).toContain('ecdsa-with-SHA256');
  });

  test('names what a serving certificate is for', () => {
    const hosts = ['worker-1', '192.0.2.7', '2001:db8::1'];
    const text = openssl(['req', '-verify', '-noout', '-text'], requestCertificate({ ...subject, hosts }).request);
    expect(text).toContain('DNS:worker-1, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1');
  });

  test('is of a new key each time', () => {
    expect(requestCertificate(subject).privateKey).not.toBe(requestCertificate(subject).privateKey);
  });
});

describe('state of a request', () => {
  const certificate = Buffer.from('PEM').toString('base64');
  const approved = { type: 'Approved' };
  const denied = { type: 'Denied', reason: 'NotHere', message: 'unknown machine' };

  test.each([
    [undefined, { state: 'pending' }],
    [{}, { state: 'pending' }],
    [{ certificate }, { state: 'pending' }],
    [{ conditions: [approved] }, { state: 'approved' }],
    [
      { conditions: [approved], certificate },
      { state: 'issued', certificate: 'PEM' },
    ],
    [{ conditions: [denied] }, { state: 'refused', condition: 'Denied', reason: 'NotHere: unknown machine' }],
    [
      { conditions: [approved, { type: 'Failed' }], certificate },
      { state: 'refused', condition: 'Failed', reason: 'no reason is given' },
    ],
  ])('%j', (status, expected) => {
    expect(requestState({ metadata: { name: 'csr' }, status })).toEqual(expected);
  });
});
