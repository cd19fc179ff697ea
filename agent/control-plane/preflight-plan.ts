import type { Finding } from '../bootstrap/preflight/facts.ts';
import { fileFinding } from '../bootstrap/preflight/plan.ts';

/** What may stand in the way of a new control plane, beside what may stand in the way of a node. */
export interface InitFacts {
  /** Ports of the control plane on which something listens already. */
  readonly takenPorts: readonly number[];
  /** Files that exist, and that no earlier `podwright init` wrote. */
  readonly foreignFiles: readonly string[];
  /** etcd's directory, when it has data that no earlier `podwright init` made. */
  readonly foreignData: string | undefined;
  /** Image archives that cannot be read. */
  readonly missingArchives: readonly string[];
  /** An earlier `podwright init` came at least to its first file: what listens is ours. */
  readonly isRerun: boolean;
}

const portNames: Readonly<Record<number, string>> = {
  2379: 'etcd',
  2380: 'etcd',
  10257: 'kube-controller-manager',
  10259: 'kube-scheduler',
};

/** kubeadm's names of the findings (`cmd/kubeadm/app/preflight/checks.go`). */
export function planInitPreflight(facts: InitFacts): readonly Finding[] {
  const { takenPorts, foreignFiles, foreignData, missingArchives, isRerun } = facts;
  const fail = (name: string, message: string, fix: string): Finding => ({ name, level: 'FAIL', message, fix });
  const ports = (isRerun ? [] : takenPorts).map((port) =>
    fail(
      `Port-${port}`,
      `Port ${port} is in use, which ${portNames[port] ?? 'kube-apiserver'} needs`,
      `ss -ltnp "sport = :${port}" says who listens; stop it`,
    ),
  );
  const files = foreignFiles.map((path) =>
    fail(
      fileFinding(path),
      `${path} already exists`,
      'this host has a cluster already: podwright reset, or move it away',
    ),
  );
  const data =
    foreignData === undefined
      ? []
      : [
          fail(
            `DirAvailable-${foreignData.replaceAll('/', '-')}`,
            `${foreignData} is not empty: etcd would go on with the data of another cluster`,
            'move it away, or name another directory with etcd.local.dataDir in --config',
          ),
        ];
  const archives = missingArchives.map((path) =>
    fail('ImageArchive', `${path} cannot be read`, 'check --image-archive'),
  );
  return [...ports, ...files, ...data, ...archives];
}
