import { access } from 'node:fs/promises';
import { messageOf } from '../../cni/index.ts';
import type { OwnedApiClient } from '../api/index.ts';
import { isForbidden, isNotFound, isUnauthorized } from '../api/errors.ts';
import { loadKubeconfig } from '../api/connection.ts';
import { type ApiConnection, resources } from '../api/index.ts';
import type { JoinSettings } from './settings.ts';

/** Whether this host is a node already. */
export type Membership =
  | { readonly state: 'none' }
  /** Its credentials work. */
  | { readonly state: 'joined'; readonly server: string }
  /** There is a kubeconfig that does not work; `problem` says why. */
  | { readonly state: 'broken'; readonly problem: string };

/** Tries the kubeconfig that an earlier join has left. */
export async function findMembership(
  { paths, nodeName }: Pick<JoinSettings, 'paths' | 'nodeName'>,
  connect: (connection: ApiConnection) => OwnedApiClient,
  signal: AbortSignal,
): Promise<Membership> {
  const exists = await access(paths.kubeconfig).then(
    () => true,
    () => false,
  );
  if (!exists) return { state: 'none' };
  try {
    const connection = await loadKubeconfig(paths.kubeconfig);
    return await tryConnection(connection, nodeName, connect(connection), signal);
  } catch (error) {
    signal.throwIfAborted();
    return { state: 'broken', problem: messageOf(error) };
  }
}

async function tryConnection(
  { server }: ApiConnection,
  nodeName: string,
  api: OwnedApiClient,
  signal: AbortSignal,
): Promise<Membership> {
  try {
    await api.get(resources.nodes, { name: nodeName }, signal);
    return { state: 'joined', server };
  } catch (error) {
    if (isNotFound(error)) return { state: 'joined', server }; // It registers when the daemon runs.
    if (isUnauthorized(error)) return { state: 'broken', problem: 'the API server refuses its certificate' };
    if (isForbidden(error)) return { state: 'broken', problem: `its certificate is not for the node ${nodeName}` };
    throw error;
  } finally {
    await api.close();
  }
}
