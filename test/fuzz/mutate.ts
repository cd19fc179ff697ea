import type { Random } from './random.ts';

/** Lengths, counts and flags at the edges of their fields, big-endian. */
const numbers = [
  '00',
  'ff',
  '7f',
  '80',
  '0000',
  'ffff',
  '00000000',
  'ffffffff',
  '7fffffff',
  '80000000',
  '00010000',
].map((hex) => Buffer.from(hex, 'hex'));

/** Pieces that mean something to one of our grammars. */
const pieces = [
  ...['\0', '\n', '\r\n', ' ', '\t', '"', "'", '\\', '/', '../', '%2e%2e%2f', '%00', '%', '?', '#', ':', ',', '-', '='],
  ...[
    '{',
    '}',
    '[',
    ']',
    '{}',
    '[]',
    'null',
    'true',
    '-1',
    '0',
    '1e999',
    '0644',
    '99999999999999999999',
    '::',
    '0.0.0.0/0',
  ],
  ...['&a', '*a', '<<: ', '---\n', '|', '>', '!!binary ', '__proto__', 'constructor', 'ﬀ', '\ud800', '\u202e', '💥'],
].map((text) => Buffer.from(text));

type Mutator = (input: Buffer, random: Random, other: Buffer) => Buffer;

const replaced = (input: Buffer, at: number, length: number, piece: Uint8Array): Buffer =>
  Buffer.concat([input.subarray(0, at), piece, input.subarray(at + length)]);

const mutators: readonly Mutator[] = [
  function flipBit(input, random) {
    const at = random.below(input.length + 1);
    return replaced(input, at, 1, Buffer.of((input[at] ?? 0) ^ (1 << random.below(8))));
  },
  function drop(input, random) {
    return replaced(input, random.below(input.length + 1), 1 + random.below(8), Buffer.alloc(0));
  },
  function cut(input, random) {
    return input.subarray(0, random.below(input.length + 1));
  },
  function repeat(input, random) {
    const at = random.below(input.length + 1);
    return replaced(input, at, 0, input.subarray(at, at + 1 + random.below(64)));
  },
  function overwriteNumber(input, random) {
    const number = random.pick(numbers);
    return replaced(input, random.below(input.length + 1), number.length, number);
  },
  function insertPiece(input, random) {
    return replaced(input, random.below(input.length + 1), 0, random.pick(pieces));
  },
  function overwritePiece(input, random) {
    return replaced(input, random.below(input.length + 1), 1 + random.below(12), random.pick(pieces));
  },
  function splice(input, random, other) {
    const at = random.below(other.length + 1);
    return replaced(input, random.below(input.length + 1), random.below(32), other.subarray(at, at + random.below(64)));
  },
];

/** One of the seeds with one to five changes. */
export function mutate(seeds: readonly Buffer[], random: Random): Buffer {
  let input = random.pick(seeds);
  for (let changes = 1 + random.below(5); changes > 0; changes -= 1) {
    input = random.pick(mutators)(input, random, random.pick(seeds));
  }
  return input;
}
