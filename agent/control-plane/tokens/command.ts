import { loadKubeconfig, type OwnedApiClient } from '../../api/index.ts';
import type { ApiConnection } from '../../api/connection.ts';
import { isNotFound } from '../../api/errors.ts';
import { resources } from '../../api/types.ts';
import { connectWith } from '../../bootstrap/connect.ts';
import { JoinError } from '../../bootstrap/error.ts';
import { parseBootstrapToken, renderBootstrapToken } from '../../bootstrap/token.ts';
import { systemClock } from '../../clock.ts';
import { defaultUsages, newBootstrapToken, parseTtl } from '../init-settings.ts';
import { renderJoinCommand } from '../join-command-render.ts';
import { applyObjects } from '../objects/apply.ts';
import { bootstrappersGroup } from '../objects/make-render.ts';
import { tokenSecret } from '../objects/token-render.ts';
import type { TokenSettings } from '../settings.ts';
import { renderTokens } from './list-render.ts';
import { listTokens } from './read.ts';

/** Flags of `podwright token`, as commander passes them; the names are kubeadm's. */
export interface TokenFlags {
  readonly kubeconfig: string;
  readonly ttl?: string;
  readonly description?: string;
  readonly groups?: string;
  readonly usages?: string;
  readonly printJoinCommand?: boolean;
}

type Say = (line: string) => void;

/** @throws JoinError */
export async function createToken(
  text: string | undefined,
  flags: TokenFlags,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const settings = tokenSettings(text, flags);
  await withCluster(flags, async (api, { server, ca }) => {
    await applyObjects(api, [tokenSecret(settings, Date.now())], {}, signal);
    if (flags.printJoinCommand !== true) return say(renderBootstrapToken(settings.token));
    if (ca === undefined) throw new JoinError(`${flags.kubeconfig} does not say who signs for the cluster`);
    say(renderJoinCommand(server, ca, settings.token));
  });
}

/** What the flags say, with kubeadm's defaults. @throws JoinError */
export function tokenSettings(text: string | undefined, flags: Omit<TokenFlags, 'kubeconfig'>): TokenSettings {
  const { ttl = '24h', groups = bootstrappersGroup, usages = defaultUsages.join(','), description } = flags;
  const ttlMs = parseTtl(ttl);
  return {
    token: text === undefined ? newBootstrapToken() : parseBootstrapToken(text),
    ttlMs: ttlMs === 0 ? undefined : ttlMs,
    description,
    groups: listOf('--groups', groups, /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/),
    usages: listOf('--usages', usages, /^(signing|authentication)$/),
  };
}

function listOf(flag: string, text: string, format: RegExp): readonly string[] {
  const names = text.split(',').filter((name) => name !== '');
  const wrong = names.find((name) => !format.test(name));
  if (wrong === undefined) return names;
  throw new JoinError(`${flag}: ${JSON.stringify(wrong)} is none, as ${String(format)} says`);
}

export async function listAll(flags: TokenFlags, say: Say, signal: AbortSignal): Promise<void> {
  await withCluster(flags, async (api) => {
    for (const line of renderTokens(await listTokens(api, signal), Date.now())) say(line);
  });
}

/** @throws JoinError for the first that is no token, or is not there */
export async function deleteTokens(
  texts: readonly string[],
  flags: TokenFlags,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const ids = texts.map((text) => (/^[a-z0-9]{6}$/.test(text) ? text : parseBootstrapToken(text).id));
  await withCluster(flags, async (api) => {
    for (const id of ids) {
      const path = { namespace: 'kube-system', name: `bootstrap-token-${id}` };
      await api.delete(resources.secrets, path, {}, signal).catch((error: unknown) => {
        throw isNotFound(error) ? new JoinError(`there is no token ${id}`) : error;
      });
      say(`bootstrap token "${id}" deleted`);
    }
  });
}

export function generateToken(say: Say): void {
  say(renderBootstrapToken(newBootstrapToken()));
}

async function withCluster(
  { kubeconfig }: TokenFlags,
  use: (api: OwnedApiClient, connection: ApiConnection) => Promise<void>,
): Promise<void> {
  const connection = await loadKubeconfig(kubeconfig);
  const api = connectWith(systemClock)(connection);
  try {
    await use(api, connection);
  } finally {
    await api.close();
  }
}
