import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseResponse, type Parsed } from '../../../agent/probes/response-plan.ts';

const parse = (text: string, ended = false): Parsed => parseResponse(Buffer.from(text, 'latin1'), ended);
const complete = (status: number, body = '', location?: string): Parsed => ({
  state: 'complete',
  response: { status, location, body },
});
const malformed = (reason: string): Parsed => ({ state: 'malformed', reason });
const head: Parsed = { state: 'head' };
const body: Parsed = { state: 'body' };

describe('a response', () => {
  test.each<[string, string, Parsed]>([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', complete(200, 'ok')],
    ['with more than its length', 'HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nokHTTP/1.1', complete(200, 'ok')],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', complete(204)],
    ['not modified, with the length of what it is not', 'HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n', complete(304)],
    ['without a reason', 'HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n', complete(404)],
    ['with line feeds only', 'HTTP/1.0 200 OK\nLocation: /a\nContent-Length: 1\n\nx', complete(200, 'x', '/a')],
    [
      'chunked',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0a;x\r\n0123456789\r\n0\r\n\r\n',
      complete(200, 'a0123456789'),
    ],
    [
      'chunked, and with a length',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n',
      complete(200),
    ],
    [
      'chunked last',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n',
      complete(200),
    ],
    [
      'after interim ones',
      'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\nHTTP/1.1 500 B\r\nContent-Length: 0\r\n\r\n',
      complete(500),
    ],
    ['that switches protocols', 'HTTP/1.1 101 Switching\r\n\r\n', complete(101)],
    [
      'with two locations',
      'HTTP/1.1 302 F\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n',
      complete(302, '', '/a'),
    ],
    [
      'with a colon in a value',
      'HTTP/1.1 302 F\r\nLocation: http://a:1/\r\nContent-Length: 0\r\n\r\n',
      complete(302, '', 'http://a:1/'),
    ],
    ['that has not begun', '', head],
    ['of which a little came', 'HTT', head],
    ['without its last line', 'HTTP/1.1 200 OK\r\nA: b\r\n', head],
    ['without all of its body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok', body],
    ['without its last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n', body],
    ['in the midst of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na', body],
    ['that ends with the connection', 'HTTP/1.1 200 OK\r\n\r\nok', body],
  ])('%s', (_, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test.each<[string, string, Parsed]>([
    ['a whole body', 'HTTP/1.1 200 OK\r\n\r\nok', complete(200, 'ok')],
    ['a part of a body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok', body],
    ['a part of a head', 'HTTP/1.1 200 OK\r\n', malformed('unexpected EOF')],
    ['nothing', '', malformed('EOF')],
  ])('ended after %s', (_, text, expected) => {
    expect(parse(text, true)).toEqual(expected);
  });
});

describe('what is no response', () => {
  test.each<[string, string, string]>([
    ['another protocol', '220 mail ready\r\n', 'malformed HTTP response "220 mail ready"'],
    ['the beginning of another protocol', 'SSH-2', 'malformed HTTP response "SSH-2"'],
    ['a status that is no number', 'HTTP/1.1 2xx\r\n', 'malformed HTTP response "HTTP/1.1 2xx"'],
    ['a long status', 'HTTP/1.1 2000 OK\r\n', 'malformed HTTP response "HTTP/1.1 2000 OK"'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'bad Content-Length "-1"'],
    ['a head without end', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`, 'the headers are longer than 65536 bytes'],
    ['interim responses without end', 'HTTP/1.1 100 \n\n'.repeat(10_000), 'the headers are longer than 65536 bytes'],
  ])('%s', (_, text, reason) => {
    expect(parse(text)).toEqual(malformed(reason));
  });
});

test('a body is read up to 10 KiB, however it comes', () => {
  const [start, long] = ['HTTP/1.1 200 OK\r\n', 'x'.repeat(20_000)];
  const expected = complete(200, 'x'.repeat(10_240));
  expect(parse(`${start}\r\n${long}`)).toEqual(expected);
  expect(parse(`${start}Content-Length: 99999\r\n\r\n${long}`)).toEqual(expected);
  expect(parse(`${start}Transfer-Encoding: chunked\r\n\r\n1869f\r\n${long}`)).toEqual(expected);
  const tiny = '1\r\nx\r\n'.repeat(20_000);
  expect(parse(`${start}Transfer-Encoding: chunked\r\n\r\n${tiny}`)).toEqual(expected);
  const extended = `1;${'e'.repeat(70_000)}`;
  expect(parse(`${start}Transfer-Encoding: chunked\r\n\r\n${extended}`)).toEqual(complete(200));
});

describe('laws', () => {
  const content = fc.string({ unit: 'grapheme-ascii', maxLength: 200 });
  const status = fc.integer({ min: 200, max: 599 }).filter((code) => code !== 204 && code !== 304);
  const framed = fc.record({ status, content, sizes: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 10 }) });

  const chunked = (text: string, sizes: readonly number[]): string => {
    let [chunks, rest] = ['', text];
    for (const size of [...sizes, Infinity]) {
      const chunk = rest.slice(0, size);
      if (chunk !== '') chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
      rest = rest.slice(size);
    }
    return `${chunks}0\r\n\r\n`;
  };

  test('what a server says is understood, and not before it is all there', () => {
    fc.assert(
      fc.property(framed, fc.boolean(), fc.nat(), ({ status: code, content: text, sizes }, byLength, cut) => {
        const start = `HTTP/1.1 ${code} Reason\r\n`;
        const sent = byLength
          ? `${start}Content-Length: ${text.length}\r\n\r\n${text}`
          : `${start}Transfer-Encoding: chunked\r\n\r\n${chunked(text, sizes)}`;
        expect(parse(sent)).toEqual(complete(code, text));
        // The empty line after the last chunk is not waited for.
        const before = sent.slice(0, cut % (sent.length - (byLength ? 0 : 3)));
        expect(['head', 'body']).toContain(parse(before).state);
      }),
    );
  });

  test('any bytes give an answer, and at the end of the connection a final one', () => {
    const begun = fc
      .uint8Array({ maxLength: 300 })
      .map((tail) => Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), tail]));
    const chunks = fc
      .uint8Array({ maxLength: 300 })
      .map((tail) => Buffer.concat([Buffer.from('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n'), tail]));
    const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(begun, chunks, any), (bytes) => {
        expect(['head', 'body', 'complete', 'malformed']).toContain(parseResponse(bytes, false).state);
        expect(['body', 'complete', 'malformed']).toContain(parseResponse(bytes, true).state);
      }),
      { numRuns: 2_000 },
    );
  });
});
