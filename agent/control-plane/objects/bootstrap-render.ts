import { stringify } from 'yaml';
import { clusterAdmins } from '../pki/plan.ts';
import { type InitSettings, serverUrl } from '../settings.ts';
import { hasClusterAdmins } from '../version.ts';
import {
  bootstrappers,
  clusterRole,
  clusterRoleBinding,
  configMap,
  group,
  type NewObject,
  nodes,
  readableConfigMap,
} from './make-render.ts';

/** What lets the users of `admin.conf` rule the cluster; made with `super-admin.conf`, or nobody could. */
export function adminObjects({ version }: Pick<InitSettings, 'version'>): readonly NewObject[] {
  if (!hasClusterAdmins(version)) return [];
  return [clusterRoleBinding(clusterAdmins, 'cluster-admin', [group(clusterAdmins)])];
}

/** What a bootstrap token may do, and the certificates of nodes that need nobody's approval (`phases/bootstraptoken/node`). */
export function bootstrapObjects(): readonly NewObject[] {
  const requests = 'system:certificates.k8s.io:certificatesigningrequests';
  return [
    clusterRoleBinding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', [bootstrappers]),
    clusterRoleBinding('kubeadm:node-autoapprove-bootstrap', `${requests}:nodeclient`, [bootstrappers]),
    clusterRoleBinding('kubeadm:node-autoapprove-certificate-rotation', `${requests}:selfnodeclient`, [nodes]),
    clusterRole('kubeadm:get-nodes', [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }]),
    clusterRoleBinding('kubeadm:get-nodes', 'kubeadm:get-nodes', [bootstrappers]),
  ];
}

/** What anybody may read, so that a node that knows a token can learn the authority (`phases/bootstraptoken/clusterinfo`). */
export function clusterInfoObjects(settings: InitSettings, ca: string): readonly NewObject[] {
  const certificate = Buffer.from(ca).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    clusters: [{ cluster: { 'certificate-authority-data': certificate, server: serverUrl(settings) }, name: '' }],
    ...{ contexts: null, 'current-context': '', kind: 'Config', preferences: {}, users: null },
  };
  const anonymous = { kind: 'User', name: 'system:anonymous' } as const;
  return [
    configMap('kube-public', 'cluster-info', { kubeconfig: stringify(kubeconfig, { lineWidth: 0 }) }),
    ...readableConfigMap('kube-public', 'cluster-info', 'kubeadm:bootstrap-signer-clusterinfo', [anonymous]),
  ];
}
