import { firstServiceAddress } from '../addresses.ts';
import type { InitSettings } from '../settings.ts';
import { hasClusterAdmins } from '../version.ts';
import type { DistinguishedName } from '../../x509.ts';

/** kubeadm's names of the authorities; each is a file `<name>.crt` and `<name>.key` below the directory of certificates. */
export const authorities = {
  ca: { file: 'ca', commonName: 'kubernetes' },
  'front-proxy-ca': { file: 'front-proxy-ca', commonName: 'front-proxy-ca' },
  'etcd-ca': { file: 'etcd/ca', commonName: 'etcd-ca' },
} as const;
export type AuthorityName = keyof typeof authorities;

/** A certificate that an authority signs. */
export interface CertificatePlan {
  /** kubeadm's name, for people: `apiserver-kubelet-client`. */
  readonly name: string;
  /** Path without ending, below the directory of certificates. */
  readonly file: string;
  readonly authority: AuthorityName;
  readonly subject: DistinguishedName;
  readonly usages: readonly ('serverAuth' | 'clientAuth')[];
  readonly hosts: readonly string[];
}

export const clusterAdmins = 'kubeadm:cluster-admins';
export const masters = 'system:masters';

type PkiSettings = Pick<
  InitSettings,
  | 'version'
  | 'nodeName'
  | 'advertiseAddress'
  | 'controlPlaneEndpoint'
  | 'serviceSubnet'
  | 'dnsDomain'
  | 'certSans'
  | 'etcdSans'
>;

/** What kubeadm makes (`cmd/kubeadm/app/phases/certs/certlist.go`), in its order. */
export function certificatePlans(settings: PkiSettings): readonly CertificatePlan[] {
  const { nodeName, etcdSans } = settings;
  const client = { usages: ['clientAuth'], hosts: [] } as const;
  const both = ['serverAuth', 'clientAuth'] as const;
  // Membership in a group counts for nothing in etcd; kubeadm has left it away since 1.29.
  const etcdClient = hasClusterAdmins(settings.version) ? {} : { organizations: [masters] };
  const admins = hasClusterAdmins(settings.version) ? clusterAdmins : masters;
  return [
    {
      ...{ name: 'apiserver', file: 'apiserver', authority: 'ca', subject: { commonName: 'kube-apiserver' } },
      ...{ usages: ['serverAuth'], hosts: apiServerHosts(settings) },
    },
    {
      ...{ name: 'apiserver-kubelet-client', file: 'apiserver-kubelet-client', authority: 'ca', ...client },
      subject: { organizations: [admins], commonName: 'kube-apiserver-kubelet-client' },
    },
    {
      ...{ name: 'front-proxy-client', file: 'front-proxy-client', authority: 'front-proxy-ca', ...client },
      subject: { commonName: 'front-proxy-client' },
    },
    {
      ...{ name: 'etcd-server', file: 'etcd/server', authority: 'etcd-ca', usages: both },
      ...{ subject: { commonName: nodeName }, hosts: unique([...etcdHosts(settings), ...etcdSans.server]) },
    },
    {
      ...{ name: 'etcd-peer', file: 'etcd/peer', authority: 'etcd-ca', usages: both },
      ...{ subject: { commonName: nodeName }, hosts: unique([...etcdHosts(settings), ...etcdSans.peer]) },
    },
    {
      ...{ name: 'etcd-healthcheck-client', file: 'etcd/healthcheck-client', authority: 'etcd-ca', ...client },
      subject: { ...etcdClient, commonName: 'kube-etcd-healthcheck-client' },
    },
    {
      ...{ name: 'apiserver-etcd-client', file: 'apiserver-etcd-client', authority: 'etcd-ca', ...client },
      subject: { ...etcdClient, commonName: 'kube-apiserver-etcd-client' },
    },
  ];
}

/** All names and addresses by which a client or a pod may speak to the API server. */
function apiServerHosts({
  nodeName,
  dnsDomain,
  serviceSubnet,
  advertiseAddress,
  ...rest
}: PkiSettings): readonly string[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${dnsDomain}`];
  const endpoint = rest.controlPlaneEndpoint?.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');
  const addresses = [firstServiceAddress(serviceSubnet), advertiseAddress];
  const shared = endpoint === undefined ? [] : [endpoint];
  return unique([nodeName, ...service, ...addresses, ...shared, ...rest.certSans]);
}

const etcdHosts = ({ nodeName, advertiseAddress }: PkiSettings): readonly string[] => [
  ...[nodeName, 'localhost', advertiseAddress],
  ...['127.0.0.1', '::1'],
];

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];
