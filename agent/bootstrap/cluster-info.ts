import { isSignedByToken } from './jws.ts';
import { JoinError } from './error.ts';
import type { BootstrapToken } from './token.ts';

/** Path of the ConfigMap that anybody may read (`kubeadm init` phase bootstrap-token). */
export const clusterInfoPath = '/api/v1/namespaces/kube-public/configmaps/cluster-info';

/** The `data` of the ConfigMap `kube-public/cluster-info`. */
export type ClusterInfoData = Readonly<Record<string, string>>;

/**
 * @param body answer to a GET of {@link clusterInfoPath}
 * @throws JoinError
 */
export function parseClusterInfo(body: string): ClusterInfoData {
  let object: unknown;
  try {
    object = JSON.parse(body);
  } catch (cause) {
    throw new JoinError('what answers there is no Kubernetes API server: its answer is no JSON', undefined, { cause });
  }
  const { data } = (object ?? {}) as { readonly data?: unknown };
  if (typeof data !== 'object' || data === null) {
    throw new JoinError(
      'the ConfigMap kube-public/cluster-info is empty: this cluster is not set up for bootstrap tokens',
    );
  }
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Whether the signature for a token is there: the controller adds it some seconds after a token was made. */
export function hasSignature(data: ClusterInfoData, { id }: BootstrapToken): boolean {
  return (data[signatureKey(id)] ?? '') !== '';
}

const signatureKey = (id: string): string => `jws-kubeconfig-${id}`;

/**
 * The kubeconfig in cluster-info, when somebody who knows the token's secret has signed it.
 *
 * @throws JoinError
 */
export function verifiedKubeconfig(data: ClusterInfoData, token: BootstrapToken): string {
  const { kubeconfig } = data;
  if (kubeconfig === undefined || kubeconfig === '') {
    throw new JoinError('kube-public/cluster-info has no kubeconfig: this cluster is not set up for bootstrap tokens');
  }
  const signature = data[signatureKey(token.id)] ?? '';
  if (signature === '') throw unknownToken(token);
  if (isSignedByToken(signature, kubeconfig, token)) return kubeconfig;
  throw new JoinError(
    'the signature of cluster-info does not fit the token: its secret is wrong, or somebody else answers at this address',
    'compare the token with `kubeadm token list` on a control-plane node; if it is right, do not join',
  );
}

export function unknownToken({ id }: BootstrapToken): JoinError {
  return new JoinError(
    `the token with id ${id} is not known to this cluster, or it has expired`,
    'make a new one on a control-plane node: kubeadm token create --print-join-command',
  );
}
