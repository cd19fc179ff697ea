import type { EventFilter } from '../../events/types.ts';

/** The field selectors that `kubectl describe` sends; others select nothing away. A namespace of the path goes before. */
export function eventFilter(query: URLSearchParams, namespaceOfPath: string | undefined): EventFilter {
  const terms = (query.get('fieldSelector') ?? '').split(',').map((term) => term.split(/==?/));
  const value = (field: string): string | undefined => terms.find(([name]) => name === field)?.[1];
  const uid = value('involvedObject.uid');
  const name = value('involvedObject.name');
  const namespace = namespaceOfPath ?? value('involvedObject.namespace');
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}
