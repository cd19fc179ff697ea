import { stringify } from 'yaml';

export interface KubeconfigContent {
  /** As `https://192.0.2.1:6443`. */
  readonly server: string;
  /** PEM of the certificate authority, or a file that holds it. */
  readonly ca: { readonly pem: string } | { readonly file: string };
  /** Default `kubernetes`, as kubeadm names it. */
  readonly clusterName?: string;
  readonly userName: string;
  /** PEM, files (which may be renewed), or a token. */
  readonly user:
    | { readonly certificatePem: string; readonly keyPem: string }
    | { readonly certificateFile: string; readonly keyFile: string }
    | { readonly token: string }
    | { readonly tokenFile: string };
}

/** A kubeconfig of one context, `<user>@<cluster>`, as kubeadm writes it (`kubeadm/app/util/kubeconfig/kubeconfig.go`). */
export function renderKubeconfig(content: KubeconfigContent): string {
  const { server, ca, clusterName = 'kubernetes', userName } = content;
  const contextName = `${userName}@${clusterName}`;
  const authority =
    'pem' in ca ? { 'certificate-authority-data': base64(ca.pem) } : { 'certificate-authority': ca.file };
  const config = {
    apiVersion: 'v1',
    clusters: [{ cluster: { ...authority, server }, name: clusterName }],
    contexts: [{ context: { cluster: clusterName, user: userName }, name: contextName }],
    'current-context': contextName,
    kind: 'Config',
    preferences: {},
    users: [{ name: userName, user: renderUser(content.user) }],
  };
  return stringify(config, { version: '1.1', lineWidth: 0 });
}

function renderUser(user: KubeconfigContent['user']): object {
  if ('token' in user) return { token: user.token };
  if ('tokenFile' in user) return { tokenFile: user.tokenFile };
  if ('certificateFile' in user) return { 'client-certificate': user.certificateFile, 'client-key': user.keyFile };
  return { 'client-certificate-data': base64(user.certificatePem), 'client-key-data': base64(user.keyPem) };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
