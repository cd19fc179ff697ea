import { CniError, cniErrorCode } from './error.ts';
import type { CniInterface, CniIp, CniResult, CniRoute } from './types.ts';

/**
 * Reads the result of an ADD in any version from 0.3.0 on. Unknown keys stay; `version` of an address, gone since 1.0, is
 * dropped.
 *
 * @throws CniError when the text is no result
 */
export function parseResult(text: string): CniResult {
  return decodeResult(parse(text));
}

/** {@link parseResult} on decoded JSON. */
export function decodeResult(value: unknown): CniResult {
  if (!isObject(value)) return invalid('must be an object');
  const { cniVersion, ips, interfaces, routes } = value;
  if (typeof cniVersion !== 'string') return invalid('has no cniVersion');
  return {
    ...value,
    cniVersion,
    ...(ips === undefined || ips === null ? {} : { ips: list(ips, 'ips').map(decodeIp) }),
    ...(interfaces === undefined || interfaces === null
      ? {}
      : { interfaces: list(interfaces, 'interfaces').map(decodeInterface) }),
    ...(routes === undefined || routes === null ? {} : { routes: list(routes, 'routes').map(decodeRoute) }),
  };
}

/**
 * A result as a plugin of `cniVersion` expects it: before 1.0 an address carries its family in `version`, and was no result
 * without it. Keys that came with later versions stay, as a decoder skips what it does not know.
 */
export function encodeResult(result: CniResult, cniVersion: string): CniResult {
  if (!cniVersion.startsWith('0.') || result.ips === undefined) return { ...result, cniVersion };
  const ips = result.ips.map((ip) => ({ version: ip.address.includes(':') ? '6' : '4', ...ip }));
  return { ...result, cniVersion, ips };
}

/** The error that a plugin printed; undefined when its output is none. */
export function parseError(text: string): CniError | undefined {
  try {
    const value = parse(text);
    if (!isObject(value) || typeof value['code'] !== 'number' || typeof value['msg'] !== 'string') return undefined;
    const details = typeof value['details'] === 'string' ? value['details'] : '';
    return new CniError(value['code'], value['msg'], { details });
  } catch {
    return undefined;
  }
}

function decodeIp(value: Record<string, unknown>): CniIp {
  const { address } = value;
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'version'));
  return typeof address === 'string' ? { ...rest, address } : invalid('has an address that is no string');
}

function decodeInterface(value: Record<string, unknown>): CniInterface {
  const { name } = value;
  return typeof name === 'string' ? { ...value, name } : invalid('has an interface without a name');
}

function decodeRoute(value: Record<string, unknown>): CniRoute {
  const { dst } = value;
  return typeof dst === 'string' ? { ...value, dst } : invalid('has a route without dst');
}

function list(value: unknown, field: string): Record<string, unknown>[] {
  if (Array.isArray(value) && value.every(isObject)) return value;
  return invalid(`has ${field} that are no array of objects`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CniError(cniErrorCode.decodingFailure, 'the result is not JSON', { cause: error });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): never {
  throw new CniError(cniErrorCode.decodingFailure, `the result ${message}`);
}
