import { mutate } from './mutate.ts';
import { Random } from './random.ts';

/** Cases of one decoder. */
const cases = Number(process.env['PODWRIGHT_FUZZ_CASES'] ?? 100_000);
/** Another seed makes other cases: `PODWRIGHT_FUZZ_SEED=$RANDOM npm run test:fuzz`. */
const seed = Number(process.env['PODWRIGHT_FUZZ_SEED'] ?? 1);
/** Bytes that the heap and buffers may be above the start between two cases, garbage included. */
const maxGrowth = 768 * 1024 * 1024;
/** No case takes a hundredth of it; a decoder that is quadratic or loops does. Milliseconds. */
const hangMs = 10_000;

export interface Decoder {
  /** Good inputs; each must be taken without an error. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Decodes, and checks what must hold of the result. */
  readonly decode: (input: Buffer) => unknown;
  /** Whether the decoder may say this of bad input. By default it may say nothing: all is in its result. */
  readonly refuses?: (error: unknown) => boolean;
}

/**
 * Gives a decoder its seeds and then mutations of them.
 *
 * @throws Error with the input, when a seed is refused, another error than the decoder's own comes out, a case hangs, or
 *   memory grows without bound
 */
export async function fuzz({ seeds, decode, refuses = () => false }: Decoder): Promise<void> {
  const inputs = seeds.map((one) => Buffer.from(one));
  for (const input of inputs) await attempt(input, decode, () => false);
  const random = new Random(seed);
  const start = memory();
  let taken = 0;
  for (let count = 0; count < cases; count += 1) {
    const input = mutate(inputs, random);
    if (await attempt(input, decode, refuses)) taken += 1;
    if (count % 1_000 === 0 && memory() > start + maxGrowth) throw new Error(`memory grows: ${show(input)}`);
  }
  if (taken === 0) throw new Error('every case was refused: the seeds are of no use');
}

/** @returns whether the input was taken */
async function attempt(
  input: Buffer,
  decode: Decoder['decode'],
  refuses: (error: unknown) => boolean,
): Promise<boolean> {
  const begun = performance.now();
  try {
    const result = decode(input);
    if (result instanceof Promise) await result;
    if (performance.now() - begun > hangMs) throw new Error(`took more than ${hangMs} ms`);
    return true;
  } catch (cause) {
    if (refuses(cause)) return false;
    throw new Error(`failed on ${show(input)}`, { cause });
  }
}

const memory = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;

const show = (input: Buffer): string =>
  `${JSON.stringify(input.toString('utf8').slice(0, 2_000))}\nbase64: ${input.toString('base64').slice(0, 4_000)}`;
