import { expect, test } from 'vitest';
import { renderRequest } from '../../../agent/probes/request-render.ts';
import type { HttpHeader, HttpTarget } from '../../../agent/probes/types.ts';

const url: HttpTarget = { scheme: 'http', host: '2001:db8::7', port: 8080, path: '/healthz?x' };

test.each<[string, readonly HttpHeader[], string]>([
  ['nothing', [], 'Host: [2001:db8::7]:8080\r\n'],
  ['Host', [['hOST', 'shop.example']], 'Host: shop.example\r\n'],
  ['an empty Host', [['Host', '']], 'Host: [2001:db8::7]:8080\r\n'],
  [
    'repeated ones, in order',
    [
      ['B', '1'],
      ['A', '2'],
      ['B', '3'],
    ],
    'Host: [2001:db8::7]:8080\r\nB: 1\r\nA: 2\r\nB: 3\r\n',
  ],
  ['Connection', [['connection', 'keep-alive']], 'Host: [2001:db8::7]:8080\r\n'],
])('with %s', (_, headers, expected) => {
  expect(renderRequest(url, headers)).toBe(`GET /healthz?x HTTP/1.1\r\n${expected}Connection: close\r\n\r\n`);
});

test('text beyond ASCII goes out as UTF-8', () => {
  const sent = Buffer.from(renderRequest(url, [['X-A', 'ü']]), 'latin1');
  expect(sent.includes('X-A: ü\r\n', 0, 'utf8')).toBe(true);
});

test.each<HttpHeader>([
  ['X-A', 'a\r\nX-B: c'],
  ['X-A', 'a\0'],
  ['X A', 'a'],
  ['', 'a'],
])('the header %j: %j is refused', (name, value) => {
  expect(() => renderRequest(url, [[name, value]])).toThrow(/has characters that HTTP does not allow/);
});
