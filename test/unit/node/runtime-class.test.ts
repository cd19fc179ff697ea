import { beforeEach, describe, expect, it } from 'vitest';
import { ApiStatusError, ApiUnavailableError } from '../../../agent/api/errors.ts';
import type { Resource } from '../../../agent/api/types.ts';
import {
  createRuntimeHandlers,
  type RuntimeHandlers,
  type RuntimeHandlersOptions,
} from '../../../agent/node/api/runtime-class.ts';
import { pod } from '../pods/fixtures.ts';

const never = new AbortController().signal;

let handlers: RuntimeHandlers;
/** What the server was asked for, in order. */
let asked: string[];
let served: string;
let classes: Readonly<Record<string, string | undefined>>;

const client = {
  serves: (groupVersion: string) => Promise.resolve(groupVersion === served),
  get: ({ group, version }: Resource, { name }: { name: string }) => {
    asked.push(`${group}/${version} ${name}`);
    if (!Object.hasOwn(classes, name)) return Promise.reject(new ApiStatusError('get', 404, { reason: 'NotFound' }));
    return Promise.resolve({ metadata: { name }, handler: classes[name] });
  },
} as unknown as RuntimeHandlersOptions['client'];

beforeEach(() => {
  [asked, served] = [[], 'node.k8s.io/v1'];
  classes = { usual: 'runc', shim: 'docker', none: undefined, gvisor: 'runsc', kata: 'kata' };
  handlers = createRuntimeHandlers({ client, available: () => Promise.resolve(['runc', 'runsc']) });
});

const handlerOf = (runtimeClassName?: string): Promise<string | undefined> =>
  handlers.handler(pod(runtimeClassName === undefined ? {} : { runtimeClassName }), never);

describe('the handler of a runtime class', () => {
  it.each([
    ['usual', undefined],
    ['shim', undefined],
    ['none', undefined],
    ['gvisor', 'runsc'],
  ])('%s is %s', async (name, expected) => {
    expect(await handlerOf(name)).toBe(expected);
    expect(asked).toEqual([`node.k8s.io/v1 ${name}`]);
  });

  it.each([undefined, ''])('of a pod that names none (%j) is the default, and nobody is asked', async (name) => {
    expect(await handlerOf(name)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('is read from a server that only has v1beta1', async () => {
    served = '';
    expect(await handlerOf('gvisor')).toBe('runsc');
    expect(asked).toEqual(['node.k8s.io/v1beta1 gvisor']);
  });

  it('that Docker does not have is an error that says which there are', async () => {
    await expect(handlerOf('kata')).rejects.toThrow(
      'RuntimeClass "kata" names the handler "kata", which Docker does not have (it has runc, runsc)',
    );
  });

  it('of a class that is not there is an error, until the class comes', async () => {
    await expect(handlerOf('late')).rejects.toThrow(new Error('RuntimeClass "late" not found'));
    classes = { late: 'runsc' };
    expect(await handlerOf('late')).toBe('runsc');
  });

  it('once found holds for the life of the pod, whatever becomes of the class', async () => {
    await handlerOf('gvisor');
    classes = {};
    expect(await handlerOf('gvisor')).toBe('runsc');
    handlers.forget(pod().metadata.uid);
    await expect(handlerOf('gvisor')).rejects.toThrow('not found');
  });

  it('is not taken for missing when the server is away', async () => {
    const away = { ...client, get: () => Promise.reject(new ApiUnavailableError('away')) };
    handlers = createRuntimeHandlers({ client: away, available: () => Promise.resolve([]) });
    await expect(handlerOf('gvisor')).rejects.toThrow(new ApiUnavailableError('away'));
  });
});
