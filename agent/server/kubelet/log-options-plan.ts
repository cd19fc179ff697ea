import { TextError } from './exchange.ts';

/** What a log request asks for, besides what the local API reads of it too. */
export interface KubeletLogOptions {
  /** For `planLog` of the local API: only known parameters, in its spelling. */
  readonly query: URLSearchParams;
  /** Bytes; undefined for all. */
  readonly limitBytes: number | undefined;
  readonly stream: 'All' | 'Stdout' | 'Stderr';
}

const flags = ['follow', 'previous', 'timestamps'] as const;
const numbers = ['tailLines', 'sinceSeconds', 'limitBytes'] as const;

/**
 * Reads a query as v1 PodLogOptions, and checks it as `ValidatePodLogOptions` (`pkg/apis/core/validation`) does.
 *
 * @throws TextError 400 for what cannot be read, 422 for what makes no sense
 */
export function readLogOptions(query: URLSearchParams, container: string): KubeletLogOptions {
  const given = withTail(query);
  for (const name of numbers) if (given.has(name) && !/^-?\d{1,18}$/.test(given.get(name) ?? '')) throw unreadable();
  const time = given.get('sinceTime') ?? '';
  if (time !== '' && Number.isNaN(Date.parse(time))) throw unreadable();
  const limitBytes = numberOf(given, 'limitBytes');
  const stream = given.get('stream') ?? 'All';
  if (!isStream(stream) || !makesSense(given)) throw new TextError(422, '{"message": "Invalid request."}');
  const known = new URLSearchParams({ container });
  for (const name of flags) if (isTrue(given.get(name))) known.set(name, 'true');
  for (const name of ['tailLines', 'sinceSeconds', 'sinceTime'])
    if (given.get(name)) known.set(name, given.get(name) ?? '');
  return { query: known, limitBytes, stream };
}

/** The old parameter `tail`, where `all` is as none. */
function withTail(query: URLSearchParams): URLSearchParams {
  const given = new URLSearchParams(query);
  const tail = given.get('tail') ?? '';
  if (tail === 'all') given.delete('tailLines');
  else if (tail !== '') given.set('tailLines', tail);
  return given;
}

function makesSense(given: URLSearchParams): boolean {
  const seconds = numberOf(given, 'sinceSeconds');
  const isTimeGiven = (given.get('sinceTime') ?? '') !== '';
  const isOneStream = (given.get('stream') ?? 'All') !== 'All';
  return (
    (numberOf(given, 'tailLines') ?? 0) >= 0 &&
    (numberOf(given, 'limitBytes') ?? 1) >= 1 &&
    (seconds ?? 1) >= 1 &&
    !(seconds !== undefined && isTimeGiven) &&
    !(isOneStream && given.has('tailLines'))
  );
}

function numberOf(given: URLSearchParams, name: string): number | undefined {
  const text = given.get(name);
  return text === null ? undefined : Number(text);
}

/** A parameter without a value is true (`Convert_Slice_string_To_bool` in `k8s.io/apimachinery/pkg/conversion`). */
const isTrue = (text: string | null): boolean => text !== null && text !== '0' && text.toLowerCase() !== 'false';

const isStream = (text: string): text is KubeletLogOptions['stream'] => ['All', 'Stdout', 'Stderr'].includes(text);

const unreadable = (): TextError => new TextError(400, '{"message": "Unable to decode query."}');
