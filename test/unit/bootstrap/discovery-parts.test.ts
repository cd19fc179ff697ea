import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkCaPins, parseCaPins, publicKeyHash, parseCertificates } from '../../../agent/bootstrap/ca-pins.ts';
import { hasSignature, parseClusterInfo, verifiedKubeconfig } from '../../../agent/bootstrap/cluster-info.ts';
import { isSignedByToken } from '../../../agent/bootstrap/jws.ts';
import { parseDiscoveryKubeconfig } from '../../../agent/bootstrap/kubeconfig.ts';
import { parseBootstrapToken, renderBootstrapToken } from '../../../agent/bootstrap/token.ts';
import { createAuthority, signDetached } from './authority.ts';

const token = { id: 'abcdef', secret: '0123456789abcdef' };
const authority = createAuthority();

describe('bootstrap token', () => {
  test('is read and written', () => {
    expect(parseBootstrapToken('abcdef.0123456789abcdef')).toEqual(token);
    expect(renderBootstrapToken(token)).toBe('abcdef.0123456789abcdef');
  });

  test.each([
    '',
    'ghijkl',
    'ghijkl.',
    'ABCDEF.0123456789ghijkl',
    'ghijkl.0123456789ghijkl0',
    'ghijkl.0123456789ghijkl\n',
  ])('refuses %j without repeating it', (text) => {
    const failure = (): unknown => parseBootstrapToken(text);
    expect(failure).toThrow('must be 6 and 16');
    if (text !== '') expect(failure).not.toThrow(text);
  });
});

describe('pins of the CA', () => {
  test("are the hash that kubeadm's documentation computes with openssl", () => {
    const spki = execFileSync('openssl', ['x509', '-pubkey', '-noout'], { input: authority.pem });
    const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'der'], { input: spki });
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-hex'], { input: der }).toString();
    expect(parseCertificates(authority.pem).map(publicKeyHash)).toEqual([digest.trim().replace(/^.* /, '')]);
  });

  test('one of the certificates suffices, in any case of letters', () => {
    const bundle = createAuthority('old').pem + authority.pem;
    const [hash = ''] = parseCertificates(authority.pem).map(publicKeyHash);
    expect(() => checkCaPins(bundle, parseCaPins([`SHA256:${hash.toUpperCase()}`]))).not.toThrow();
  });

  test('another CA is refused, and its hash is named', () => {
    const other = createAuthority().pem;
    const [hash = ''] = parseCertificates(other).map(publicKeyHash);
    expect(() => checkCaPins(other, parseCaPins([`sha256:${'0'.repeat(64)}`]))).toThrow(`sha256:${hash}`);
  });

  test.each(['', 'sha1:00', 'sha256:', `sha256:${'g'.repeat(64)}`, 'a'.repeat(64)])('refuses the pin %j', (text) => {
    expect(() => parseCaPins([text])).toThrow('must be sha256:');
  });

  test.each(['', 'no pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    'refuses the CA %j',
    (pem) => {
      expect(() => parseCertificates(pem)).toThrow('the CA of the cluster');
    },
  );
});

describe('signature of cluster-info', () => {
  test('is valid for its payload, token id and secret only', () => {
    const jws = signDetached('payload', token);
    expect(isSignedByToken(jws, 'payload', token)).toBe(true);
    expect(isSignedByToken(jws, 'Payload', token)).toBe(false);
    expect(isSignedByToken(jws, 'payload', { ...token, secret: '0123456789abcdee' })).toBe(false);
    expect(isSignedByToken(jws, 'payload', { ...token, id: 'abcdeg' })).toBe(false);
  });

  test.each([{ alg: 'none' }, { alg: 'HS512' }, { kid: 'ghijkl' }])('refuses the header %j', (header) => {
    expect(isSignedByToken(signDetached('payload', token, header), 'payload', token)).toBe(false);
  });

  test('takes any text for one that is not signed', () => {
    fc.assert(fc.property(fc.string(), (text) => !isSignedByToken(text, 'payload', token)));
    const [head = '', , signature = ''] = signDetached('payload', token).split('.');
    for (const jws of [`${head}..`, `${head}.cGF5bG9hZA.${signature}`, `${head}..${signature}.x`, `..${signature}`]) {
      expect(isSignedByToken(jws, 'payload', token)).toBe(false);
    }
  });
});

describe('cluster-info', () => {
  const data = { kubeconfig: 'text', 'jws-kubeconfig-abcdef': signDetached('text', token) };

  test('yields the kubeconfig that the token signed', () => {
    expect(verifiedKubeconfig(parseClusterInfo(JSON.stringify({ data })), token)).toBe('text');
    expect(hasSignature(data, token)).toBe(true);
    expect(hasSignature(data, { ...token, id: 'zzzzzz' })).toBe(false);
  });

  test.each([
    ['a token id that nobody signed with', data, { ...token, id: 'zzzzzz' }, 'is not known to this cluster'],
    ['a wrong secret', data, { ...token, secret: 'x'.repeat(16) }, 'does not fit the token'],
    ['a changed kubeconfig', { ...data, kubeconfig: 'other' }, token, 'does not fit the token'],
    ['no kubeconfig', { 'jws-kubeconfig-abcdef': 'x' }, token, 'has no kubeconfig'],
  ])('refuses %s', (_, given, asked, message) => {
    expect(() => verifiedKubeconfig(given, asked)).toThrow(message);
  });

  test.each(['<html>', 'null', '[]', '{"data":null}'])('refuses the answer %j', (body) => {
    expect(() => parseClusterInfo(body).kubeconfig ?? parseClusterInfo('{}')).toThrow(/no JSON|is empty/);
  });
});

describe('kubeconfig of discovery', () => {
  const cluster = {
    server: 'https://192.0.2.1:6443',
    'certificate-authority-data': Buffer.from(authority.pem).toString('base64'),
  };
  const read = (config: object): unknown => parseDiscoveryKubeconfig('file', JSON.stringify(config));

  test("kubeadm's has one cluster without a name, and no user", () => {
    expect(read({ clusters: [{ name: '', cluster }], contexts: null, 'current-context': '', users: null })).toEqual({
      server: 'https://192.0.2.1:6443',
      certificateAuthority: authority.pem,
      credentials: undefined,
    });
  });

  test('the current context chooses among several, with its credentials', () => {
    const config = {
      'current-context': 'b',
      contexts: [
        { name: 'a', context: { cluster: 'one', user: 'u' } },
        { name: 'b', context: { cluster: 'two', user: 'v' } },
      ],
      clusters: [
        { name: 'one', cluster: { ...cluster, server: 'https://192.0.2.9' } },
        { name: 'two', cluster },
      ],
      users: [
        { name: 'u', user: { token: 'no' } },
        { name: 'v', user: { token: 'yes' } },
      ],
    };
    expect(read(config)).toMatchObject({ server: 'https://192.0.2.1:6443', credentials: { token: 'yes' } });
    expect(() => read({ ...config, 'current-context': '' })).toThrow('not exactly one cluster');
  });

  test.each([
    [[], 'is no kubeconfig'],
    [{}, 'not exactly one cluster'],
    [{ clusters: [{ name: '', cluster: { ...cluster, server: 'http://192.0.2.1' } }] }, 'must be an https:// address'],
    [{ clusters: [{ name: '', cluster: { server: cluster.server } }] }, 'certificate-authority-data'],
  ])('refuses %j', (config, message) => {
    expect(() => read(config)).toThrow(message);
  });
});
