import { execa } from 'execa';
import { fileURLToPath } from 'node:url';

/** Paths of the programs of a control plane. */
export interface ClusterPrograms {
  readonly etcd: string;
  readonly kubectl: string;
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly scheduler: string;
}

const script = fileURLToPath(new URL('../kubernetes.sh', import.meta.url));
const names = ['etcd', 'kubectl', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/**
 * Finds the programs in the cache, and has them made when they are not there: `bash test/kubernetes.sh` makes them before
 * a test's time runs.
 */
export async function clusterPrograms(): Promise<ClusterPrograms> {
  const { stdout } = await execa('bash', [script, ...names], { stdin: 'ignore', stderr: 'inherit' });
  const [etcd = '', kubectl = '', apiServer = '', controllerManager = '', scheduler = ''] = stdout.split('\n');
  return { etcd, kubectl, apiServer, controllerManager, scheduler };
}
