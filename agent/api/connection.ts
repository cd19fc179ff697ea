import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { exec } from '../../cni/index.ts';
import type { ExecCredential } from './exec-answer.ts';
import type { ExecPlugin } from './exec-config.ts';
import { createCredentialReader, type ExecCluster } from './exec-plugin.ts';
import { embedsCertificate, type Material, parseKubeconfig } from './kubeconfig-parse.ts';

/** What it takes to speak to an API server; all texts, no files. */
export interface ApiConnection {
  /** As `https://192.0.2.1:6443`, perhaps with a path. */
  readonly server: string;
  /** PEM, one or more certificates. Undefined: the authorities that Node.js knows. */
  readonly ca: string | undefined;
  /** PEM, with the chain. */
  readonly certificate?: string | undefined;
  /** PEM. */
  readonly key?: string | undefined;
  readonly token?: string | undefined;
  /** The name that the server's certificate must have, in the place of the one in `server`. */
  readonly tlsServerName?: string | undefined;
  /** The server's certificate is not looked at. */
  readonly insecure?: boolean;
}

/** As a kubeconfig has it. */
export interface KubeconfigConnection extends ApiConnection {
  readonly embedsCertificate: boolean;
}

/** Reads credentials as they are now. @param refused the server does not take the ones in use */
export type ReadConnection<T extends ApiConnection = ApiConnection> = (refused: boolean) => Promise<T>;

/** {@link loadKubeconfig} again and again: what its plugin gave is kept until it ends or is refused. */
export function kubeconfigReader(path: string): ReadConnection<KubeconfigConnection> {
  const readCredential = createCredentialReader(exec, Date.now);
  return async (refused) => load(path, undefined, async (plugin, cluster) => readCredential(plugin, cluster, refused));
}

/**
 * Reads a kubeconfig and the files that it names, and runs the plugin that it names.
 *
 * @param context default: the file's `current-context`
 * @throws ConfigError with the field, when the kubeconfig is wrong
 * @throws Error when a file cannot be read, is no PEM, or the key is not the certificate's, or the plugin fails; never with a
 *   secret
 */
export async function loadKubeconfig(path: string, context?: string): Promise<KubeconfigConnection> {
  const readCredential = createCredentialReader(exec, Date.now);
  return load(path, context, async (plugin, cluster) => readCredential(plugin, cluster, false));
}

async function load(
  path: string,
  context: string | undefined,
  runPlugin: (plugin: ExecPlugin, cluster: ExecCluster) => Promise<ExecCredential>,
): Promise<KubeconfigConnection> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Error(`cannot read the kubeconfig: ${(error as Error).message}`, { cause: error });
  });
  const { cluster, user } = parseKubeconfig(path, text, context);
  const [ca, certificate, key, token] = await Promise.all(
    [cluster.ca, user.certificate, user.key, user.token].map(readMaterial),
  );
  if (ca !== undefined) readCertificate(ca, cluster.ca);
  checkPair(certificate, key, user.certificate, user.key);
  const { server, tlsServerName, insecure } = cluster;
  const connection = {
    ...{ server, ca, certificate, key, token: token?.trim(), tlsServerName, insecure },
    embedsCertificate: embedsCertificate(user),
  };
  if (user.exec === undefined) return connection;
  const given = await runPlugin(user.exec, connection);
  const from = { source: { text: '' }, place: user.exec.place };
  checkPair(given.certificate, given.key, from, from);
  return {
    ...connection,
    token: connection.token ?? given.token,
    ...(certificate === undefined ? { certificate: given.certificate, key: given.key } : {}),
  };
}

async function readMaterial(material: Material | undefined): Promise<string | undefined> {
  if (material === undefined) return undefined;
  const { source, place } = material;
  const text = 'text' in source ? source.text : await readFileAt(place, source.file);
  if (text.trim() === '') throw new Error(`${place}: is empty`);
  return text;
}

async function readFileAt(place: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`${place}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function readCertificate(pem: string, material: Material | undefined): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error(`${nameOf(material)}: is no certificate in PEM`);
  }
}

/** Two files that are replaced one after the other may not fit for a moment. */
function checkPair(
  certificate: string | undefined,
  key: string | undefined,
  certificateAt: Material | undefined,
  keyAt: Material | undefined,
): void {
  if (certificate === undefined || key === undefined) return;
  const parsed = readCertificate(certificate, certificateAt);
  let privateKey;
  try {
    privateKey = createPrivateKey(key);
  } catch {
    throw new Error(`${nameOf(keyAt)}: is no private key in PEM`); // OpenSSL's reason tells nothing that helps.
  }
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new Error(`${nameOf(keyAt)}: is not the key of the client certificate`);
  }
}

function nameOf(material: Material | undefined): string {
  if (material === undefined) return 'kubeconfig';
  const { source, place } = material;
  return 'file' in source ? `${place}: ${source.file}` : place;
}
