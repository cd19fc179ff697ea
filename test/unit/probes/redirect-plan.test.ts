import { describe, expect, test } from 'vitest';
import { planRedirect, type RedirectStep } from '../../../agent/probes/redirect-plan.ts';
import type { HttpHeader, HttpTarget } from '../../../agent/probes/types.ts';

const from: HttpTarget = { scheme: 'http', host: '192.0.2.7', port: 8080, path: '/a/b?c' };
const accept: HttpHeader = ['Accept', '*/*'];
const host: HttpHeader = ['host', 'shop.example'];
const headers = [host, accept];

const follow = (url: Partial<HttpTarget>, kept = headers): RedirectStep => ({
  do: 'follow',
  url: { ...from, ...url },
  headers: kept,
});

describe('where a response leads', () => {
  const rows: readonly [string, number, string | undefined, RedirectStep][] = [
    ['no redirect', 200, '/x', { do: 'stop' }],
    ['not modified', 304, '/x', { do: 'stop' }],
    ['without location', 302, undefined, { do: 'stop' }],
    ['with an empty location', 302, '', { do: 'stop' }],
    ['absolute path', 301, '/x?y', follow({ path: '/x?y' })],
    ['relative path', 303, 'x', follow({ path: '/a/x' })],
    ['same host', 307, 'http://192.0.2.7:8080/x', follow({ path: '/x' }, [accept])],
    ['same host, other port', 308, 'http://192.0.2.7/x', follow({ path: '/x', port: 80 }, [accept])],
    ['to https', 302, 'https://192.0.2.7/', follow({ scheme: 'https', path: '/', port: 443 }, [accept])],
    ['without scheme', 302, '//192.0.2.7:90/', follow({ path: '/', port: 90 })],
    ['other host', 302, 'http://192.0.2.8:8080/x', { do: 'stop' }],
    ['other host without scheme', 302, '//shop.example/x', { do: 'stop' }],
    ['text that is no address', 302, 'http://[', { do: 'fail', reason: 'failed to parse Location header "http://["' }],
    ['other scheme', 302, 'ftp://192.0.2.7/x', { do: 'fail', reason: 'unsupported protocol scheme "ftp"' }],
  ];
  test.each(rows)('%s', (_, status, location, expected) => {
    expect(planRedirect(from, headers, { status, location }, 1)).toEqual(expected);
  });

  test('the same host in IPv6, however it is written', () => {
    const v6 = { ...from, host: '2001:db8:0::1' };
    const answer = { status: 302, location: 'http://[2001:DB8::1]:81/' };
    expect(planRedirect(v6, [accept], answer, 1)).toEqual({
      do: 'follow',
      url: { ...v6, port: 81, path: '/' },
      headers: [accept],
    });
  });

  test('the tenth redirect is not followed', () => {
    const answer = { status: 302, location: '/again' };
    expect(planRedirect(from, headers, answer, 9).do).toBe('follow');
    expect(planRedirect(from, headers, answer, 10)).toEqual({ do: 'fail', reason: 'stopped after 10 redirects' });
  });
});
