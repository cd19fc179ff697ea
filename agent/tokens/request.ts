import { type ApiClient, type ApiObject, resources } from '../api/types.ts';
import type { Pod } from '../objects/types.ts';
import type { TokenRequest } from '../volumes/content.ts';

/** What the server granted. */
export interface GrantedToken {
  readonly value: string;
  /** From the request on. */
  readonly lifeMs: number;
}

interface TokenReply extends ApiObject {
  readonly spec?: { readonly expirationSeconds?: number };
  readonly status?: { readonly token?: string };
}

/**
 * Asks for a token of the pod's service account (authentication.k8s.io/v1, TokenRequest) that holds as long as the pod: the Node
 * authorizer and the admission plugin NodeRestriction grant a node no others.
 *
 * @throws ApiStatusError, ApiUnavailableError; their messages hold no token
 */
export async function requestToken(
  client: Pick<ApiClient, 'create'>,
  pod: Pod,
  { audience, expirationSeconds }: TokenRequest,
  signal: AbortSignal,
): Promise<GrantedToken> {
  const { name, namespace, uid } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? 'default';
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      ...(audience === '' ? {} : { audiences: [audience] }),
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
  };
  const path = { namespace, name: account, subresource: 'token' };
  const { spec, status } = await client.create<TokenReply>(resources.serviceAccounts, path, body, signal);
  const value = status?.token;
  if (!value) throw new Error(`the API server granted no token for serviceaccount ${namespace}/${account}`);
  // A server may grant another life than was asked for.
  return { value, lifeMs: (spec?.expirationSeconds ?? expirationSeconds) * 1000 };
}
