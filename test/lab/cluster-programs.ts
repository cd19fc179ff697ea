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

/** Finds the programs of a control plane, and has them made when they are not there. */
export async function clusterPrograms(): Promise<ClusterPrograms> {
  const [etcd = '', kubectl = '', apiServer = '', controllerManager = '', scheduler = ''] =
    await kubernetesPrograms(names);
  return { etcd, kubectl, apiServer, controllerManager, scheduler };
}

/** The path of a kubectl: of the cluster's version, or of one that speaks WebSocket to it. */
export async function kubectlProgram(name: 'kubectl' | 'kubectl-1.32'): Promise<string> {
  const [path = ''] = await kubernetesPrograms([name]);
  return path;
}

/** The paths of kubeadm, of the cluster's version, and of the crictl that it asks a CRI runtime with. */
export async function kubeadmPrograms(): Promise<{ readonly kubeadm: string; readonly crictl: string }> {
  const [kubeadm = '', crictl = ''] = await kubernetesPrograms(['kubeadm', 'crictl']);
  return { kubeadm, crictl };
}

/** Paths of programs in the cache, in their order; `bash test/kubernetes.sh` makes them before a test's time runs. */
export async function kubernetesPrograms(wanted: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await execa('bash', [script, ...wanted], { stdin: 'ignore', stderr: 'inherit' });
  return stdout.split('\n');
}
