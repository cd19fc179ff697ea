import { createHash } from 'node:crypto';
import { type ApiClient, type ApiObject, resources } from '../../api/types.ts';
import { SharedTasks } from '../../images/shared-task.ts';
import { ExpiringCache } from './expiring-cache.ts';
import type { User } from './types.ts';

/** One question to the API server: may this user do that to a subresource of this node? */
export interface AccessQuestion {
  readonly user: User;
  readonly verb: string;
  readonly subresource: string;
}

export interface Authorizer {
  /** @throws when nobody can tell */
  allows(question: AccessQuestion, signal: AbortSignal): Promise<boolean>;
}

interface SubjectAccessReview extends ApiObject {
  readonly status?: { readonly allowed?: boolean; readonly denied?: boolean };
}

export interface AccessReviewOptions {
  readonly nodeName: string;
  readonly allowedCacheMs: number;
  readonly deniedCacheMs: number;
  readonly now: () => number;
}

const maxEntries = 5_000;

export const alwaysAllow: Authorizer = { allows: () => Promise.resolve(true) };
export const neverAllow: Authorizer = { allows: () => Promise.resolve(false) };

/** Asks the API server by SubjectAccessReview, and keeps its answers (kubelet: `authorization.mode: Webhook`). */
export function createAccessReviewer(api: ApiClient, options: AccessReviewOptions): Authorizer {
  const cache = new ExpiringCache<boolean>(maxEntries, options.now);
  const asking = new SharedTasks<boolean>();
  const ask = async (spec: object, key: string, signal: AbortSignal): Promise<boolean> => {
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {}, spec };
    const { status } = await api.create<SubjectAccessReview>(resources.subjectAccessReviews, {}, body, signal);
    const isAllowed = status?.allowed === true && status.denied !== true;
    cache.set(key, isAllowed, isAllowed ? options.allowedCacheMs : options.deniedCacheMs);
    return isAllowed;
  };
  return {
    allows: async (question, signal) => {
      const spec = reviewSpec(question, options.nodeName);
      const key = createHash('sha256').update(JSON.stringify(spec)).digest('base64');
      return cache.get(key) ?? asking.run(key, (shared) => ask(spec, key, shared), signal);
    },
  };
}

function reviewSpec({ user, verb, subresource }: AccessQuestion, nodeName: string): object {
  const { name, uid, groups, extra } = user;
  return {
    user: name,
    groups,
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
    resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
  };
}
