import type { IncomingMessage } from 'node:http';
import type { Authorizer } from './access-review.ts';
import { nodeAttributes } from './attributes-plan.ts';
import type { Authenticator } from './authenticate.ts';
import { TextError } from './exchange.ts';
import type { User } from './types.ts';

/** Lets a request in, or not. */
export interface Access {
  /** @throws TextError 401, 403, or 500 when the API server does not tell */
  check(request: IncomingMessage, path: string, signal: AbortSignal): Promise<void>;
}

/** For ports that only this host reaches and where there is nothing to hide. */
export const openAccess: Access = { check: () => Promise.resolve() };

/** Authenticates and authorizes in the kubelet's words (`InstallAuthFilter` in `pkg/kubelet/server/server.go`). */
export function createAccess(
  authenticator: Authenticator,
  authorizer: Authorizer,
  onError: (error: unknown) => void,
): Access {
  return {
    check: async (request, path, signal) => {
      const user = await authenticator.authenticate(request, signal);
      if (user === undefined) throw new TextError(401, 'Unauthorized', { connection: 'close' });
      const { verb, subresources } = nodeAttributes(request.method ?? '', path);
      for (const subresource of subresources) {
        if (await ask(authorizer, { user, verb, subresource }, signal, onError)) return;
      }
      const list = subresources.join(' ');
      const what = `user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${list}]`;
      throw new TextError(403, `Forbidden (${what})\n`);
    },
  };
}

async function ask(
  authorizer: Authorizer,
  question: { readonly user: User; readonly verb: string; readonly subresource: string },
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<boolean> {
  try {
    return await authorizer.allows(question, signal);
  } catch (error) {
    onError(error);
    const { user, verb, subresource } = question;
    const what = `user=${user.name}, verb=${verb}, resource=nodes, subresource=${subresource}`;
    throw new TextError(500, `Authorization error (${what})`);
  }
}
