import { arch, platform } from 'node:os';
import { type ApiConnection, createApiClient, type OwnedApiClient } from '../api/index.ts';
import type { Clock } from '../clock.ts';
import { version } from '../version.ts';

/** Makes API clients with fixed credentials, which tell nobody of their troubles but the caller. */
export function connectWith(clock: Clock): (connection: ApiConnection) => OwnedApiClient {
  const silent = (): void => undefined;
  return (connection) =>
    createApiClient({
      connection: async () => Promise.resolve(connection),
      clock,
      log: { warn: silent, info: silent },
      userAgent: `podwright/${version} (${platform()}/${arch()})`,
    });
}
