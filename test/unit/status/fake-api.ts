import { ApiStatusError, ApiUnavailableError } from '../../../agent/api/errors.ts';
import type { ApiClient, ApiObject, DeleteOptions, ObjectPath, Resource } from '../../../agent/api/types.ts';

export interface Call {
  readonly verb: 'create' | 'patch' | 'delete';
  /** `namespace/name/subresource` of a plural, as far as given. */
  readonly at: string;
  readonly body: unknown;
}

export interface FakeApi {
  readonly client: ApiClient;
  readonly calls: Call[];
  /** What the next calls fail with, in order; undefined lets one pass. */
  readonly failures: (Error | undefined)[];
  /** Calls wait as long as this is set. */
  gate: Promise<void> | undefined;
}

/** An API server that writes down what it is asked. */
export function createFakeApi(answer: (call: Call) => ApiObject = () => ({ metadata: { name: '' } })): FakeApi {
  const call = async (verb: Call['verb'], { plural }: Resource, path: Partial<ObjectPath>, body: unknown) => {
    const at = [plural, path.namespace, path.name, path.subresource].filter(Boolean).join('/');
    api.calls.push({ verb, at, body });
    await api.gate;
    const failure = api.failures.shift();
    if (failure !== undefined) throw failure;
    return answer({ verb, at, body });
  };
  const client = {
    create: (resource: Resource, path: Partial<ObjectPath>, body: object) => call('create', resource, path, body),
    patch: (resource: Resource, path: ObjectPath, patch: { body: unknown }) =>
      call('patch', resource, path, patch.body),
    delete: (resource: Resource, path: ObjectPath, how: DeleteOptions) => call('delete', resource, path, how),
  } as unknown as ApiClient;
  const api: FakeApi = { client, calls: [], failures: [], gate: undefined };
  return api;
}

export const refusal = (code: number, reason: string): Error => new ApiStatusError('call', code, { reason });
export const away = (): Error => new ApiUnavailableError('connect ECONNREFUSED');
