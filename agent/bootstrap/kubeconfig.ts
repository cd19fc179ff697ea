import { parseYaml } from '../objects/yaml.ts';
import { JoinError } from './error.ts';

/** What discovery learns: where the cluster is, and whom to trust as it. */
export interface ClusterInfo {
  /** `https://host:port`. */
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
}

/** How to make oneself known to a server; PEM and plain text. */
export type Credentials = { readonly token: string } | { readonly certificate: string; readonly key: string };

export interface DiscoveryKubeconfig extends ClusterInfo {
  /** Of the current context's user; undefined when it has none. */
  readonly credentials: Credentials | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads a file that a kubeconfig names. */
export type ReadNamed = (path: string) => string;

/**
 * The cluster in a kubeconfig: that of the current context, else the only one, as kubeadm chooses
 * (`GetClusterFromKubeConfig`).
 *
 * @param origin for errors: where the text is from
 * @param read left out: the kubeconfig must hold all itself
 * @throws JoinError
 */
export function parseDiscoveryKubeconfig(origin: string, text: string, read?: ReadNamed): DiscoveryKubeconfig {
  const config = asFields(parseYaml(text)[0]?.value);
  if (config === undefined) throw new JoinError(`${origin} is no kubeconfig`);
  const context = asFields(find(config['contexts'], config['current-context'])?.['context']);
  const clusters = fieldsList(config['clusters']);
  const entry = find(clusters, context?.['cluster']) ?? (clusters.length === 1 ? clusters[0] : undefined);
  const cluster = asFields(entry?.['cluster']);
  if (cluster === undefined) throw new JoinError(`${origin}: no current context, and not exactly one cluster`);
  const user = asFields(find(config['users'], context?.['user'])?.['user']);
  const certificateAuthority = material(origin, cluster, 'certificate-authority', read);
  if (certificateAuthority === undefined)
    throw new JoinError(`${origin}: the cluster has no certificate-authority-data`);
  return {
    server: serverOf(origin, cluster),
    certificateAuthority,
    credentials: user === undefined ? undefined : credentialsOf(origin, user, read),
  };
}

function serverOf(origin: string, { server }: Fields): string {
  if (typeof server === 'string' && URL.canParse(server) && server.startsWith('https://')) return server;
  throw new JoinError(`${origin}: the cluster's server must be an https:// address, not ${JSON.stringify(server)}`);
}

function credentialsOf(origin: string, user: Fields, read: ReadNamed | undefined): Credentials | undefined {
  const certificate = material(origin, user, 'client-certificate', read);
  const key = material(origin, user, 'client-key', read);
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const { token, tokenFile } = user;
  if (typeof token === 'string' && token !== '') return { token };
  return typeof tokenFile === 'string' && tokenFile !== ''
    ? { token: readNamed(origin, tokenFile, read).trim() }
    : undefined;
}

/** What `<field>-data` holds as base64, or the file that `<field>` names. */
function material(origin: string, fields: Fields, field: string, read: ReadNamed | undefined): string | undefined {
  const data = fields[`${field}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const path = fields[field];
  return typeof path === 'string' && path !== '' ? readNamed(origin, path, read) : undefined;
}

function readNamed(origin: string, path: string, read: ReadNamed | undefined): string {
  if (read === undefined) throw new JoinError(`${origin} names the file ${path}: it must hold its content`);
  return read(path);
}

function fieldsList(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(asFields).filter((entry) => entry !== undefined) : [];
}

function find(list: unknown, name: unknown): Fields | undefined {
  return typeof name === 'string' ? fieldsList(list).find((entry) => entry['name'] === name) : undefined;
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
