/*
 * The files that `fileKeyRef` reads variables from (KEP-3721, `pkg/kubelet/util/env`). Their syntax is a part of the POSIX shell's,
 * so that a shell which sources one gets the same values:
 *
 *     # a comment
 *     HOST='192.0.2.7'    # another one
 *     MOTD='taken as it is, $HOME and \n too,
 *     over as many lines as there are'
 *     EMPTY= 'a word after a blank is none of the value'
 */

/** Blank or a comment: lines that start nothing, and what may follow a value. */
const NOTHING = /^[ \t]*(?:#|$)/;

interface Assignment {
  readonly name: string;
  readonly value: string;
  /** Number of the line after it, from 0. */
  readonly next: number;
}

/**
 * The value of a key; of several the first counts, and what follows it is not looked at. Undefined: the file has none, or an empty
 * one, which the kubelet does not tell apart.
 *
 * @throws Error with the number of the line that is no assignment; never with its text, which may be a secret
 */
export function envFileValue(text: string, key: string): string | undefined {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  let index = 0;
  while (index < lines.length) {
    const assignment = assignmentAt(lines, index);
    if (assignment?.name === key) return assignment.value === '' ? undefined : assignment.value;
    index = assignment?.next ?? index + 1;
  }
  return undefined;
}

/** Undefined: the line is blank or a comment. */
function assignmentAt(lines: readonly string[], index: number): Assignment | undefined {
  if (NOTHING.test(lines[index] ?? '')) return undefined;
  const line = (lines[index] ?? '').replace(/^[ \t]+/, '');
  const equals = line.indexOf('=');
  const name = line.slice(0, Math.max(equals, 0));
  if (equals === -1) throw malformed(index, "missing '='");
  if (name.trim() === '') throw malformed(index, 'empty variable name');
  if (/[ \t]$/.test(name)) throw malformed(index, "whitespace before '=' is not allowed");
  const rest = line.slice(equals + 1);
  if (/^[ \t]/.test(rest)) return { name, value: '', next: index + 1 };
  if (!rest.startsWith("'")) throw malformed(index, 'value must be enclosed in single quotes');
  return { name, ...quotedFrom(lines, index, rest.slice(1)) };
}

/** @param first what follows the opening quote on its line */
function quotedFrom(lines: readonly string[], index: number, first: string): Omit<Assignment, 'name'> {
  const parts: string[] = [];
  for (let at = index, rest: string | undefined = first; rest !== undefined; at += 1, rest = lines[at]) {
    const quote = rest.indexOf("'");
    if (quote === -1) {
      parts.push(rest);
      continue;
    }
    if (!NOTHING.test(rest.slice(quote + 1))) throw malformed(at, 'unexpected content after closing quote');
    return { value: [...parts, rest.slice(0, quote)].join('\n'), next: at + 1 };
  }
  throw malformed(index, 'unclosed single quote');
}

function malformed(index: number, problem: string): Error {
  return new Error(`invalid environment variable format at line ${index + 1}: ${problem}`);
}
