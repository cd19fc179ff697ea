import type { Affinities } from './render.ts';
import type { Client } from './text.ts';

const prefix = 'affinity-';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * Reads the clients of the affinity sets from what `nft -j list sets` prints. What has another form is passed over: to forget a
 * client is better than to fail.
 */
export function parseAffinities(json: string): Affinities {
  const parsed = parseJson(json);
  const sets = isFields(parsed) ? listOf(parsed['nftables']) : [];
  return new Map(sets.flatMap(readSet));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readSet(entry: unknown): readonly (readonly [string, readonly Client[]])[] {
  const set = isFields(entry) ? entry['set'] : undefined;
  if (!isFields(set) || typeof set['name'] !== 'string' || !set['name'].startsWith(prefix)) return [];
  const clients = listOf(set['elem']).flatMap(readClient);
  return clients.length === 0 ? [] : [[set['name'], clients]];
}

/** `{ "elem": { "val": "198.51.100.9", "expires": 7199 } }` */
function readClient(entry: unknown): readonly Client[] {
  const element = isFields(entry) ? entry['elem'] : undefined;
  if (!isFields(element)) return [];
  const { val, expires } = element;
  return typeof val === 'string' && typeof expires === 'number' && expires > 0
    ? [{ ip: val, expiresSeconds: expires }]
    : [];
}
