import { JoinError } from '../bootstrap/error.ts';

/** A release of Kubernetes. */
export interface KubernetesVersion {
  readonly minor: number;
  /** As image tags have it: `v1.32.3`. */
  readonly text: string;
}

const format = /^v?1\.(\d{1,3})\.\d{1,3}(-[0-9A-Za-z.-]+)?$/;

/** What podwright sets up when it is not told: there is no server to ask for the newest release. */
export const defaultVersion = 'v1.32.3';

/** Before 1.20 the API server issues no service account tokens by the flags that are used here. */
const oldest = 20;

/** @throws JoinError */
export function parseVersion(text: string): KubernetesVersion {
  const minor = Number(format.exec(text)?.[1] ?? Number.NaN);
  if (minor >= oldest) return { minor, text: text.startsWith('v') ? text : `v${text}` };
  throw new JoinError(
    `--kubernetes-version: ${JSON.stringify(text)} must be a release from 1.${oldest}.0 on, as ${defaultVersion}`,
    'labels such as stable-1 are not looked up: name the release',
  );
}

interface Companions {
  readonly etcd: string;
  readonly dns: string;
}

/** What kubeadm of a release takes beside it (`cmd/kubeadm/app/constants/constants.go` of each). */
const companions: Readonly<Record<number, Companions>> = {
  20: { etcd: '3.4.13-0', dns: '1.7.0' },
  21: { etcd: '3.4.13-0', dns: 'v1.8.0' },
  22: { etcd: '3.5.0-0', dns: 'v1.8.4' },
  23: { etcd: '3.5.1-0', dns: 'v1.8.6' },
  24: { etcd: '3.5.3-0', dns: 'v1.8.6' },
  25: { etcd: '3.5.4-0', dns: 'v1.9.3' },
  26: { etcd: '3.5.6-0', dns: 'v1.9.3' },
  27: { etcd: '3.5.7-0', dns: 'v1.10.1' },
  28: { etcd: '3.5.9-0', dns: 'v1.10.1' },
  29: { etcd: '3.5.10-0', dns: 'v1.11.1' },
  30: { etcd: '3.5.12-0', dns: 'v1.11.1' },
  31: { etcd: '3.5.15-0', dns: 'v1.11.1' },
  32: { etcd: '3.5.16-0', dns: 'v1.11.3' },
  33: { etcd: '3.5.21-0', dns: 'v1.12.0' },
  34: { etcd: '3.6.4-0', dns: 'v1.12.1' },
};
/** From 1.35 on. */
const newest: Companions = { etcd: '3.6.6-0', dns: 'v1.13.1' };

export const companionsOf = ({ minor }: KubernetesVersion): Companions => companions[minor] ?? newest;

/** kubeadm 1.29 took the group that no rule can bind from all credentials but one file, `super-admin.conf`. */
export const hasClusterAdmins = ({ minor }: KubernetesVersion): boolean => minor >= 29;
