import { listCall } from './calls.ts';
import { ApiUnavailableError, isGone } from './errors.ts';
import type { Call } from './transport.ts';
import type { ApiList, ApiObject, Resource, Selection } from './types.ts';

/** As client-go's pager asks for (`client-go/tools/pager/pager.go`). */
const pageSize = 500;

interface Page<T extends ApiObject> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  /** Go writes an empty list as null. */
  readonly items: readonly T[] | null;
}

/** Sends a call and decodes its answer. */
export type ReadJson = <T>(call: Call, signal: AbortSignal) => Promise<T>;

/**
 * All objects of a selection, page by page. When a page is refused because the version that the first page was of is no
 * longer kept (410), all are asked for at once, as client-go's pager does.
 *
 * @param version undefined: the newest, from the data base. `0`: what the server has in memory, perhaps old. Another: at
 *   least so new, from memory and so not in pages (`client-go/tools/cache/reflector.go`)
 */
export async function listAll<T extends ApiObject>(
  read: ReadJson,
  resource: Resource,
  selection: Selection,
  version: string | undefined,
  signal: AbortSignal,
): Promise<ApiList<T>> {
  const limit = version === undefined || version === '0' ? pageSize : undefined;
  const first = await readPage<T>(read, listCall(resource, selection, { limit, resourceVersion: version }), signal);
  try {
    return await readRest(read, resource, selection, first, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
    return toList(await readPage<T>(read, listCall(resource, selection, {}), signal));
  }
}

async function readRest<T extends ApiObject>(
  read: ReadJson,
  resource: Resource,
  selection: Selection,
  first: Page<T>,
  signal: AbortSignal,
): Promise<ApiList<T>> {
  const { items, resourceVersion } = toList(first);
  const all = [...items];
  for (let token = first.metadata.continue; token;) {
    const page = await readPage<T>(read, listCall(resource, selection, { limit: pageSize, continue: token }), signal);
    for (const item of page.items ?? []) all.push(item);
    token = page.metadata.continue;
  }
  return { items: all, resourceVersion };
}

async function readPage<T extends ApiObject>(read: ReadJson, call: Call, signal: AbortSignal): Promise<Page<T>> {
  const page = await read<Partial<Page<T>> | null>(call, signal);
  const { metadata, items } = page ?? {};
  if (typeof metadata?.resourceVersion !== 'string' || (items !== null && !Array.isArray(items)))
    throw new ApiUnavailableError(`${call.what}: the answer is no list`);
  return { metadata, items };
}

function toList<T extends ApiObject>({ items, metadata }: Page<T>): ApiList<T> {
  return { items: items ?? [], resourceVersion: metadata.resourceVersion };
}
