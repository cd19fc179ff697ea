import createRouter from 'find-my-way';
import { type Exchange, TextError } from './exchange.ts';

export type Handler = (exchange: Exchange) => void | Promise<void>;

export interface Route {
  readonly methods: readonly Method[];
  /** With parameters as `:name`, and `*` for the rest of the path. */
  readonly path: string;
  readonly handle: Handler;
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const;
type Method = (typeof methods)[number];

export const get = (path: string, handle: Handler): Route => ({ methods: ['GET'], path, handle });
export const post = (path: string, handle: Handler): Route => ({ methods: ['POST'], path, handle });
export const getOrPost = (path: string, handle: Handler): Route => ({ methods: ['GET', 'POST'], path, handle });

export interface Found {
  readonly handle: Handler;
  readonly parameters: Exchange['parameters'];
}

/** @throws TextError 404, or 405 for a path that is there with another method */
export type Finder = (method: string, path: string) => Found;

/** Longest parameter: the path of a file. */
const maxParamLength = 4_096;

export function createFinder(routes: readonly Route[]): Finder {
  const router = createRouter({ ignoreTrailingSlash: true, caseSensitive: true, maxParamLength });
  const noLookup = (): void => undefined; // Found routes are called with an exchange, not by the router.
  for (const { methods: allowed, path, handle } of routes) router.on([...allowed], path, noLookup, handle);
  const find = (method: Method, path: string): Found | undefined => {
    const found = router.find(method, path);
    return found === null ? undefined : { handle: found.store as Handler, parameters: found.params };
  };
  return (method, path) => {
    const found = isMethod(method) ? find(method, path) : undefined;
    if (found !== undefined) return found;
    const allowed = methods.filter((other) => find(other, path) !== undefined);
    if (allowed.length === 0) throw new TextError(404, '404 page not found\n');
    throw new TextError(405, 'Method Not Allowed', { allow: allowed.join(', ') });
  };
}

const isMethod = (method: string): method is Method => methods.some((known) => known === method);
