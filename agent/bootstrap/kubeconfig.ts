import { parseYaml } from '../objects/yaml.ts';
import { JoinError } from './error.ts';

/** What discovery learns: where the cluster is, and whom to trust as it. */
export interface ClusterInfo {
  /** `https://host:port`. */
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
}

/** A user's credentials in a kubeconfig, in its own words. */
export type UserEntry = Readonly<Record<string, unknown>>;

export interface DiscoveryKubeconfig extends ClusterInfo {
  /** The user of the current context; undefined when it has none, or no credentials. */
  readonly user: UserEntry | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The cluster in a kubeconfig: that of the current context, else the only one, as kubeadm chooses
 * (`GetClusterFromKubeConfig`). Paths of files in it are not followed.
 *
 * @param origin for errors: where the text is from
 * @throws JoinError
 */
export function parseDiscoveryKubeconfig(origin: string, text: string): DiscoveryKubeconfig {
  const config = asRecord(parseYaml(text)[0]?.value);
  if (config === undefined) throw new JoinError(`${origin} is no kubeconfig`);
  const context = asRecord(find(config['contexts'], config['current-context'])?.['context']);
  const clusters = namedList(config['clusters']);
  const entry = find(clusters, context?.['cluster']) ?? (clusters.length === 1 ? clusters[0] : undefined);
  const cluster = asRecord(entry?.['cluster']);
  if (cluster === undefined) throw new JoinError(`${origin}: no current context, and not exactly one cluster`);
  const user = asRecord(find(config['users'], context?.['user'])?.['user']);
  return {
    server: serverOf(origin, cluster),
    certificateAuthority: caOf(origin, cluster),
    user: user === undefined || Object.keys(user).length === 0 ? undefined : user,
  };
}

function serverOf(origin: string, { server }: Fields): string {
  if (typeof server === 'string' && URL.canParse(server) && server.startsWith('https://')) return server;
  throw new JoinError(`${origin}: the cluster's server must be an https:// address, not ${JSON.stringify(server)}`);
}

function caOf(origin: string, cluster: Fields): string {
  const data = cluster['certificate-authority-data'];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  throw new JoinError(`${origin}: the cluster has no certificate-authority-data`);
}

function namedList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(asRecord).filter((entry) => entry !== undefined) : [];
}

function find(list: unknown, name: unknown): Fields | undefined {
  return typeof name === 'string' ? namedList(list).find((entry) => entry['name'] === name) : undefined;
}

function asRecord(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
