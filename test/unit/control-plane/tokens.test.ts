import { describe, expect, it } from 'vitest';
import { tokenSecret } from '../../../agent/control-plane/objects/token-render.ts';
import { tokenSettings } from '../../../agent/control-plane/tokens/command.ts';
import { renderTokens } from '../../../agent/control-plane/tokens/list-render.ts';
import { readToken } from '../../../agent/control-plane/tokens/read.ts';

const now = Date.parse('2026-01-31T12:00:00Z');
const text = 'abcdef.0123456789abcdef';
const group = 'system:bootstrappers:kubeadm:default-node-token';

/** As the API server gives it back. */
function stored(secret: ReturnType<typeof tokenSecret>): Readonly<Record<string, string>> {
  const entries = Object.entries(secret['stringData'] as Readonly<Record<string, string>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
}

describe('a bootstrap token', () => {
  it('is the Secret that the API server looks for', () => {
    expect(tokenSecret(tokenSettings(text, { ttl: '2h', description: 'for tests' }), now)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
      stringData: {
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        expiration: '2026-01-31T14:00:00Z',
        description: 'for tests',
        'auth-extra-groups': group,
        'usage-bootstrap-signing': 'true',
        'usage-bootstrap-authentication': 'true',
      },
    });
  });

  it('is read as it was written', () => {
    const secret = tokenSecret(tokenSettings(text, { ttl: '0', usages: 'authentication' }), now);
    expect(readToken(stored(secret))).toEqual({
      ...{ id: 'abcdef', secret: '0123456789abcdef', expires: undefined, description: '' },
      ...{ usages: ['authentication'], groups: [group] },
    });
  });

  it.each([
    ['short', {}],
    [text, { ttl: '-1h' }],
    [text, { usages: 'signing,admin' }],
    [text, { groups: 'system:masters' }],
  ])('%s with %j is refused', (token, flags) => {
    expect(() => tokenSettings(token, flags)).toThrow();
  });
});

describe('podwright token list', () => {
  it('prints the columns of kubeadm', () => {
    const secret = tokenSecret(tokenSettings(text, { ttl: '24h' }), now);
    const [header = '', row = ''] = renderTokens([readToken(stored(secret))], now);
    expect(header.split(/ {3,}/)).toEqual(['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS']);
    const usages = 'authentication,signing';
    expect(row.split(/ {3,}/)).toEqual([text, '1d', '2026-02-01T12:00:00Z', usages, '<none>', group]);
  });
});
