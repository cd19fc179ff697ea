import { type Answer, failure } from './answer.ts';

/** Longest request target that is looked at. */
const maxTargetLength = 4096;
/** One that carries a command (`exec`) may be as long as the header limit of the server allows. */
const maxExecTargetLength = 250_000;

/** A request target, taken apart. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Never throws: what is no target is an answer. */
export function parseTarget(text: string): Target | Answer {
  const limit = /^[^?]*\/exec\?/.test(text) ? maxExecTargetLength : maxTargetLength;
  if (text.length > limit) return failure(414, 'RequestURITooLong', 'the request target is too long');
  if (!URL.canParse(text, 'http://localhost')) return failure(400, 'BadRequest', 'the request target is no path');
  const { pathname, searchParams } = new URL(text, 'http://localhost');
  return { path: pathname, query: searchParams };
}

/** The decoded parts of a path that a pattern captures, empty where it captures none; undefined when it does not match. */
export function matchPath(pattern: RegExp, path: string): readonly string[] | Answer | undefined {
  const match = pattern.exec(path);
  if (match === null) return undefined;
  try {
    return match.slice(1).map((part: string | undefined) => decodeURIComponent(part ?? ''));
  } catch {
    return failure(400, 'BadRequest', 'the path is not encoded as a URL');
  }
}

export const isAnswer = (value: object): value is Answer => 'code' in value;
