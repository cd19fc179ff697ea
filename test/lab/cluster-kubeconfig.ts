import { stringify } from 'yaml';
import type { Credentials } from './cluster-pki.ts';

/** A kubeconfig file with one user, its certificates inside, as kubeadm writes them. */
export function renderKubeconfig(url: string, ca: string, user: string, { certificate, key }: Credentials): string {
  const context = `${user}@kubernetes`;
  const cluster = { 'certificate-authority-data': base64(ca), server: url };
  const credentials = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  return stringify({
    ...{ apiVersion: 'v1', kind: 'Config', preferences: {}, 'current-context': context },
    clusters: [{ name: 'kubernetes', cluster }],
    contexts: [{ name: context, context: { cluster: 'kubernetes', user } }],
    users: [{ name: user, user: credentials }],
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
