import { describe, expect, it } from 'vitest';
import { ApiStatusError, type ApiObject, type FollowHandler, type Resource } from '../../../agent/api/index.ts';
import type { EndpointSlice } from '../../../agent/objects/types.ts';
import { followEndpoints } from '../../../agent/services/api-follow.ts';
import { createApiTracker } from '../../../agent/services/api-tracker.ts';

const slice = (name: string, version: string): ApiObject => ({
  metadata: { name, namespace: 'lab', uid: `uid-${name}`, resourceVersion: version },
  ...{ addressType: 'IPv4', endpoints: null },
});

interface Seen {
  readonly changes: (readonly [key: string, version: string | undefined])[][];
  readonly lists: boolean[];
}

function tracked() {
  const seen: Seen = { changes: [], lists: [] };
  const tracker = createApiTracker<EndpointSlice>({
    onChange: (changes) => {
      seen.changes.push([...changes].map(([key, object]) => [key, object?.metadata.resourceVersion]));
    },
    onListed: (isFirst) => seen.lists.push(isFirst),
  });
  return { tracker, seen };
}

describe('a tracker', () => {
  const convert = (object: ApiObject): readonly EndpointSlice[] => [object as unknown as EndpointSlice];
  const open = () => {
    const { tracker, seen } = tracked();
    return { tracker, seen, handler: tracker.handler(convert, () => undefined) };
  };

  it('tells what changed and nothing else', () => {
    const { tracker, seen, handler } = open();
    handler.listed([slice('a', '1'), slice('b', '1')]);
    handler.applied(slice('b', '2'));
    handler.deleted(slice('a', '3'));
    expect(seen.changes).toEqual([
      [
        ['lab/a', '1'],
        ['lab/b', '1'],
      ],
      [['lab/b', '2']],
      [['lab/a', undefined]],
    ]);
    expect(tracker.all().map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  it('takes what a later list does not have for gone, and what is the same for no change', () => {
    const { seen, handler } = open();
    handler.listed([slice('a', '1'), slice('b', '1'), slice('c', '1')]);
    handler.listed([slice('b', '1'), slice('c', '2')]);
    expect(seen.changes[1]).toEqual([
      ['lab/a', undefined],
      ['lab/c', '2'],
    ]);
    expect(seen.lists).toEqual([true, false]);
  });

  it('is told of another content under a version that was there before, as after a restore of the data base', () => {
    const { seen, handler } = open();
    handler.listed([slice('a', '1'), slice('b', '2')]);
    handler.listed([slice('a', '1'), { ...slice('b', '2'), addressType: 'IPv6' }]);
    expect(seen.changes[1]).toEqual([['lab/b', '2']]);
  });

  it('knows an empty list from none', () => {
    const { tracker, seen, handler } = open();
    expect(tracker.isListed()).toBe(false);
    handler.listed([]);
    expect([tracker.isListed(), seen]).toEqual([true, { changes: [], lists: [true] }]);
  });
});

describe('endpoints', () => {
  /** A server that serves some groups, and that hands each handler over. */
  const run = (served: Set<string>) => {
    const { tracker, seen } = tracked();
    const follows: { readonly resource: Resource; readonly labels?: string; readonly handler: FollowHandler }[] = [];
    const stop = new AbortController();
    const wakes: (() => void)[] = [];
    const client = {
      serves: (groupVersion: string) => Promise.resolve(served.has(groupVersion)),
      follow: (
        resource: Resource,
        selection: { labelSelector?: string },
        handler: FollowHandler,
        signal: AbortSignal,
      ) =>
        new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          follows.push({ resource, labels: selection.labelSelector ?? '', handler });
          wakes.shift()?.();
        }),
    };
    const lost: unknown[] = [];
    const options = {
      client: client as never,
      clock: { now: () => 0, sleep: () => Promise.resolve() },
      onLost: (error: unknown) => lost.push(error),
    };
    const ended = followEndpoints(tracker, options, stop.signal);
    const nth = async (count: number) => {
      while (follows.length < count) await new Promise<void>((resolve) => wakes.push(resolve));
      return follows[count - 1];
    };
    return { nth, stop, ended, seen, lost, tracker };
  };

  it.each<[string, string[], object]>([
    [
      'v1 and v1beta1',
      ['discovery.k8s.io/v1', 'discovery.k8s.io/v1beta1'],
      { version: 'v1', plural: 'endpointslices' },
    ],
    ['v1beta1', ['discovery.k8s.io/v1beta1'], { version: 'v1beta1', plural: 'endpointslices' }],
    ['no slices', [], { version: 'v1', plural: 'endpoints' }],
  ])('of a server with %s', async (_name, served, wanted) => {
    const { nth, stop, ended } = run(new Set(served));
    const first = await nth(1);
    expect(first?.resource).toMatchObject(wanted);
    expect(first?.labels).toBe('!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless');
    stop.abort(new Error('over'));
    await expect(ended).rejects.toThrow('over');
  });

  it('are read in another form when the server does not know the first one any more', async () => {
    const served = new Set(['discovery.k8s.io/v1beta1']);
    const { nth, stop, ended, seen, lost } = run(served);
    (await nth(1))?.handler.listed([slice('a', '1')]);
    served.clear();
    served.add('discovery.k8s.io/v1');
    (await nth(1))?.handler.lost?.(new ApiStatusError('list', 404, {}), 1);
    const second = await nth(2);
    expect(second?.resource.version).toBe('v1');
    second?.handler.listed([slice('a', '1'), slice('b', '1')]);
    expect(seen.changes).toEqual([[['lab/a', '1']], [['lab/b', '1']]]);
    expect(lost).toEqual([]);
    stop.abort(new Error('over'));
    await expect(ended).rejects.toThrow('over');
  });
});
