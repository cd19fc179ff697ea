import { createHash } from 'node:crypto';
import { type ApiClient, type ApiObject, resources } from '../../api/types.ts';
import { SharedTasks } from '../../images/shared-task.ts';
import { ExpiringCache } from './expiring-cache.ts';
import type { User } from './types.ts';

export interface TokenReviewer {
  /**
   * The user of a bearer token; undefined when the API server does not know it.
   *
   * @throws when the API server cannot tell
   */
  review(token: string, signal: AbortSignal): Promise<User | undefined>;
}

interface TokenReview extends ApiObject {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

const maxEntries = 1_000;

/** Asks the API server, and keeps its answers, a refusal too; equal questions at one time are one. */
export function createTokenReviewer(api: ApiClient, cacheMs: number, now: () => number): TokenReviewer {
  const cache = new ExpiringCache<{ readonly user: User | undefined }>(maxEntries, now);
  const asking = new SharedTasks<User | undefined>();
  const ask = async (token: string, key: string, signal: AbortSignal): Promise<User | undefined> => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
    const user = userOf(await api.create<TokenReview>(resources.tokenReviews, {}, body, signal));
    cache.set(key, { user }, cacheMs);
    return user;
  };
  return {
    review: async (token, signal) => {
      const key = createHash('sha256').update(token).digest('base64'); // No secret is kept for longer than its request.
      const known = cache.get(key);
      return known === undefined ? asking.run(key, (shared) => ask(token, key, shared), signal) : known.user;
    },
  };
}

function userOf({ status }: TokenReview): User | undefined {
  const { username = '', uid, groups = [], extra } = status?.user ?? {};
  if (status?.authenticated !== true || username === '') return undefined;
  return { name: username, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}
