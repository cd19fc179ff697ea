import { dirname, resolve } from 'node:path';
import { ConfigError, type ConfigProblem } from '../config/error.ts';
import { type FieldPath, formatPath } from '../objects/field-path.ts';
import { parseYaml, type YamlDocument } from '../objects/yaml.ts';
import type { ExecPlugin } from './exec-config.ts';
import { type ClusterFields, type KubeconfigFields, kubeconfigSchema, type UserFields } from './kubeconfig-schema.ts';

/** Content that a kubeconfig holds itself, or the file in which it is. */
export interface Material {
  readonly source: { readonly text: string } | { readonly file: string };
  /** Where the kubeconfig says so, for errors: `file:line: field`. */
  readonly place: string;
}

export interface KubeconfigCluster {
  readonly name: string;
  /** As `https://192.0.2.1:6443`, perhaps with a path. */
  readonly server: string;
  readonly ca: Material | undefined;
  readonly tlsServerName: string | undefined;
  /** The server's certificate is not looked at. */
  readonly insecure: boolean;
}

export interface KubeconfigUser {
  readonly certificate: Material | undefined;
  readonly key: Material | undefined;
  readonly token: Material | undefined;
  /** Gives what is not given otherwise. */
  readonly exec?: ExecPlugin | undefined;
}

/** Whether the kubeconfig has the client's certificate in it, and not in a file that it names, nor from a plugin. */
export function embedsCertificate({ certificate }: KubeconfigUser): boolean {
  return certificate !== undefined && 'text' in certificate.source;
}

/** One context of a kubeconfig. */
export interface Kubeconfig {
  readonly cluster: KubeconfigCluster;
  readonly user: KubeconfigUser;
}

/** Finds problems and places of one file. */
interface Reader {
  readonly origin: string;
  readonly document: YamlDocument;
  readonly problems: ConfigProblem[];
}

/**
 * Reads one context of a kubeconfig; files that it names are relative to it and not read here.
 *
 * @param origin path of the file
 * @param context default: the file's `current-context`
 * @throws ConfigError with all that is wrong
 */
export function parseKubeconfig(origin: string, text: string, context?: string): Kubeconfig {
  const { reader, fields } = readFields(origin, text);
  const kubeconfig = selectContext(reader, fields, context);
  if (kubeconfig === undefined || reader.problems.length > 0) throw new ConfigError(reader.problems);
  return kubeconfig;
}

/**
 * All clusters of a kubeconfig, which may have no contexts and users, as in the ConfigMap `kube-public/cluster-info`.
 *
 * @throws ConfigError with all that is wrong
 */
export function parseKubeconfigClusters(origin: string, text: string): readonly KubeconfigCluster[] {
  const { reader, fields } = readFields(origin, text);
  const clusters = (fields.clusters ?? []).map(({ name, cluster }, index) =>
    readCluster(reader, ['clusters', index, 'cluster'], name, cluster ?? {}),
  );
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return clusters;
}

function readFields(origin: string, text: string): { readonly reader: Reader; readonly fields: KubeconfigFields } {
  const documents = parseYaml(text).filter(({ value }) => value !== null);
  const [document] = documents;
  if (document === undefined) throw new ConfigError([{ origin, message: 'is empty: expected a kubeconfig' }]);
  if (documents.length > 1)
    throw new ConfigError([{ origin, line: documents[1]?.line ?? 1, message: 'a second document: there may be one' }]);
  const { value, problems } = document;
  if (value === undefined) throw new ConfigError(problems.map(({ line, message }) => ({ origin, line, message })));
  const parsed = kubeconfigSchema.safeParse(value);
  const reader: Reader = { origin, document, problems: [] };
  if (parsed.success) return { reader, fields: parsed.data };
  for (const { path, message } of parsed.error.issues) {
    report(
      reader,
      path.map((step) => (typeof step === 'symbol' ? String(step) : step)),
      message,
    );
  }
  throw new ConfigError(reader.problems);
}

function selectContext(reader: Reader, fields: KubeconfigFields, wanted: string | undefined): Kubeconfig | undefined {
  const name = wanted ?? fields['current-context'] ?? '';
  const place: FieldPath = ['current-context'];
  if (name === '') return refuse(reader, place, 'is required, or a context must be chosen');
  const contexts = fields.contexts ?? [];
  const index = contexts.findIndex((entry) => entry.name === name);
  const context = contexts[index]?.context;
  if (context === undefined || context === null) return refuse(reader, place, `there is no context ${quote(name)}`);
  const at: FieldPath = ['contexts', index, 'context'];
  const clusters = fields.clusters ?? [];
  const clusterIndex = clusters.findIndex((entry) => entry.name === context.cluster);
  const cluster = clusters[clusterIndex];
  if (cluster === undefined) return refuse(reader, [...at, 'cluster'], `no cluster ${quote(context.cluster)}`);
  return {
    cluster: readCluster(reader, ['clusters', clusterIndex, 'cluster'], cluster.name, cluster.cluster ?? {}),
    user: selectUser(reader, fields, [...at, 'user'], context.user ?? ''),
  };
}

function selectUser(reader: Reader, fields: KubeconfigFields, place: FieldPath, name: string): KubeconfigUser {
  const users = fields.users ?? [];
  const index = users.findIndex((entry) => entry.name === name);
  if (index < 0 && name !== '') report(reader, place, `no user ${quote(name)}`);
  return readUser(reader, ['users', index, 'user'], users[index]?.user ?? {});
}

function readCluster(reader: Reader, at: FieldPath, name: string, fields: ClusterFields): KubeconfigCluster {
  const server = fields.server ?? '';
  if (!isServer(server)) report(reader, [...at, 'server'], 'must be a URL such as https://192.0.2.1:6443');
  if (fields['proxy-url']) report(reader, [...at, 'proxy-url'], 'proxies are not supported');
  const insecure = fields['insecure-skip-tls-verify'] ?? false;
  const ca = readMaterial(reader, at, 'certificate-authority', fields);
  if (insecure && ca !== undefined)
    report(reader, [...at, 'insecure-skip-tls-verify'], 'cannot be true where a certificate authority is given');
  return { name, server, ca, tlsServerName: fields['tls-server-name'] || undefined, insecure };
}

function isServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && hostname !== '' && username === '' && search === '' && hash === '';
}

function readUser(reader: Reader, at: FieldPath, fields: UserFields): KubeconfigUser {
  refuseUnsupported(reader, at, fields);
  const certificate = readMaterial(reader, at, 'client-certificate', fields);
  const key = readMaterial(reader, at, 'client-key', fields);
  if (certificate !== undefined && key === undefined)
    report(reader, [...at, 'client-key'], 'is required with a client certificate');
  if (key !== undefined && certificate === undefined)
    report(reader, [...at, 'client-certificate'], 'is required with a client key');
  const exec = readExec(reader, [...at, 'exec'], fields.exec);
  return { certificate, key, token: readToken(reader, at, fields), ...(exec === undefined ? {} : { exec }) };
}

function refuseUnsupported(reader: Reader, at: FieldPath, fields: UserFields): void {
  const advice = 'is not supported: use a client certificate, a token or an exec plugin';
  for (const field of ['username', 'password', 'auth-provider', 'as'] as const) {
    if ((fields[field] ?? '') !== '') report(reader, [...at, field], advice);
  }
}

/** A command with a slash is relative to the kubeconfig, one without is looked for in PATH. */
function readExec(reader: Reader, at: FieldPath, fields: UserFields['exec']): ExecPlugin | undefined {
  if (fields === undefined || fields === null) return undefined;
  const { apiVersion, command, args, env, installHint, provideClusterInfo, interactiveMode } = fields;
  if (interactiveMode === 'Always')
    report(reader, [...at, 'interactiveMode'], 'cannot be Always: a daemon has no terminal');
  return {
    apiVersion,
    command: command.includes('/') ? absolute(reader, command) : command,
    args: args ?? [],
    env: Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
    installHint: installHint || undefined,
    provideClusterInfo: provideClusterInfo ?? false,
    place: placeOf(reader, at),
  };
}

/** A file, which may be renewed, before the text: `client-go/rest/config.go` prefers it as well. */
function readToken(reader: Reader, at: FieldPath, { token, tokenFile }: UserFields): Material | undefined {
  if (tokenFile) return { source: { file: absolute(reader, tokenFile) }, place: placeOf(reader, [...at, 'tokenFile']) };
  return token ? { source: { text: token }, place: placeOf(reader, [...at, 'token']) } : undefined;
}

/** `<name>-data`, which counts more, or the file `<name>`. */
function readMaterial(
  reader: Reader,
  at: FieldPath,
  name: 'certificate-authority' | 'client-certificate' | 'client-key',
  fields: Readonly<Record<string, unknown>>,
): Material | undefined {
  const data = fields[`${name}-data`];
  const file = fields[name];
  if (typeof data === 'string' && data !== '') {
    const path = [...at, `${name}-data`];
    if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data)) report(reader, path, 'must be base64');
    return { source: { text: Buffer.from(data, 'base64').toString('latin1') }, place: placeOf(reader, path) };
  }
  if (typeof file !== 'string' || file === '') return undefined;
  return { source: { file: absolute(reader, file) }, place: placeOf(reader, [...at, name]) };
}

function absolute({ origin }: Reader, file: string): string {
  return resolve(dirname(origin), file);
}

function placeOf({ origin, document }: Reader, path: FieldPath): string {
  return `${origin}:${document.lineOf(path)}: ${formatPath(path)}`;
}

function report({ origin, document, problems }: Reader, path: FieldPath, message: string): void {
  problems.push({ origin, line: document.lineOf(path), path: formatPath(path), message });
}

function refuse(reader: Reader, path: FieldPath, message: string): undefined {
  report(reader, path, message);
  return undefined;
}

function quote(name: string | null | undefined): string {
  return JSON.stringify(name ?? '');
}
