import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../../cni/spec/config.ts';
import { CniError } from '../../../../cni/spec/error.ts';
import { parseError, parseResult } from '../../../../cni/spec/result.ts';

const list = (extra: object = {}): string =>
  JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'bridge' }], ...extra });

describe('network configuration', () => {
  test('a list', () => {
    expect(parseConfig(list({ disableCheck: 'true' }))).toEqual({
      cniVersion: '1.0.0',
      name: 'net',
      disableCheck: true,
      disableGC: false,
      plugins: [{ type: 'bridge' }],
    });
  });

  test('a single plugin is a list of one', () => {
    const text = JSON.stringify({ cniVersion: '0.3.1', name: 'net', type: 'bridge', bridge: 'br0' });
    expect(parseConfig(text).plugins).toEqual([{ cniVersion: '0.3.1', name: 'net', type: 'bridge', bridge: 'br0' }]);
  });

  test('the newest version that is offered and spoken here is taken', () => {
    expect(parseConfig(list({ cniVersions: ['0.4.0', '1.1.0', '9.9.9'] })).cniVersion).toBe('1.1.0');
  });

  test.each([
    ['{', 6, /^not JSON: /],
    ['[]', 6, /^must be a JSON object$/],
    [list({ name: '../x' }), 7, /^name: must be letters/],
    [list({ name: undefined }), 7, /^name: /],
    [list({ plugins: [] }), 7, /^plugins: must be an array that is not empty$/],
    [list({ plugins: [{ type: 'a' }, {}] }), 7, /^plugins\[1\]\.type: must name a plugin$/],
    [list({ plugins: [{ type: '../sh' }] }), 7, /^plugins\[0\]\.type: /],
    [list({ plugins: [{ type: 'a', ipam: 3 }] }), 7, /^plugins\[0\]\.ipam: must be an object$/],
    [list({ disableCheck: 'perhaps' }), 7, /^disableCheck: must be true or false$/],
    [list({ cniVersion: '0.1.0' }), 1, /^cniVersion: "0\.1\.0" is not one of 0\.3\.0, /],
  ])('%s is refused', (text, code, message) => {
    const error = thrownBy(() => parseConfig(text));
    expect(error).toBeInstanceOf(CniError);
    expect((error as CniError).code).toBe(code);
    expect((error as CniError).message).toMatch(message);
  });
});

describe('results of plugins', () => {
  test('of 0.4: the address family is dropped, what is not known stays', () => {
    const text = JSON.stringify({
      cniVersion: '0.4.0',
      ips: [{ version: '4', address: '203.0.113.5/24', interface: 0, gateway: '203.0.113.1' }],
      interfaces: [{ name: 'eth0', sandbox: '/n', socketPath: '/s' }],
      routes: null,
      dns: {},
    });
    expect(parseResult(text)).toEqual({
      cniVersion: '0.4.0',
      ips: [{ address: '203.0.113.5/24', interface: 0, gateway: '203.0.113.1' }],
      interfaces: [{ name: 'eth0', sandbox: '/n', socketPath: '/s' }],
      routes: null,
      dns: {},
    });
  });

  test('errors on standard output', () => {
    expect(parseError('{"cniVersion":"1.0.0","code":11,"msg":"later","details":"d"}')).toMatchObject({
      code: 11,
      message: 'later',
      details: 'd',
    });
    expect(parseError('Segmentation fault')).toBeUndefined();
    expect(parseError('{"code":"11"}')).toBeUndefined();
  });
});

describe('decoders', () => {
  const mutated = fc.oneof(
    fc.string(),
    fc.json(),
    fc.tuple(fc.nat(200), fc.string({ maxLength: 3 })).map(([at, text]) => {
      const whole = list({ plugins: [{ type: 'bridge', ipam: { type: 'host-local' } }] });
      return whole.slice(0, at % whole.length) + text + whole.slice((at % whole.length) + 1);
    }),
  );

  test('throw nothing but CniError', () => {
    fc.assert(
      fc.property(mutated, (text) => {
        for (const decode of [parseConfig, parseResult]) {
          const error = thrownBy(() => decode(text));
          if (error !== undefined) expect(error).toBeInstanceOf(CniError);
        }
        parseError(text);
      }),
      { numRuns: 5000 },
    );
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
