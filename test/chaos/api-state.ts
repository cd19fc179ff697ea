import type { Cluster, TestHost } from '../lab/index.ts';
import { reportDifferences, type ReportedController, type ReportedNode, type ReportedPod } from './api-check.ts';
import { isDone, ownLabel, stepsTo, wayOf, type OwnObject, type Steps } from './api-plan.ts';
import { createWriter } from './api-writer.ts';
import type { DesiredState } from './desired.ts';
import { apply, nothing } from './plan.ts';

/** Pods of all ways (see `wayOf`) and Services of a cluster; static pods are left to `files`. */
export function apiState(cluster: Cluster, host: TestHost, files: DesiredState, pods: number): DesiredState {
  let wanted = nothing(pods);
  const steps = async (): Promise<Steps> => {
    const there = await listOwn(cluster);
    return stepsTo(wanted, there, host.name);
  };
  const writer = createWriter(cluster.kubectl, steps);
  return {
    change: async (changes) => {
      wanted = changes.reduce(apply, wanted);
      await files.change(changes.filter((change) => change.kind === 'pod' && wayOf(change.pod) === 'static'));
      await writer.write();
    },
    differences: async () => {
      const left = await steps();
      return isDone(left) ? reportedDifferences(cluster, host) : [`not in the API as wanted: ${describeSteps(left)}`];
    },
    versions: async () => (await listPods(cluster)).map(describeVersion).sort(),
    close: writer.close,
  };
}

async function reportedDifferences(cluster: Cluster, host: TestHost): Promise<readonly string[]> {
  const node = (await cluster.get(`/api/v1/nodes/${host.name}`)) as ReportedNode;
  const controllers = (await list(cluster, ['deployments,daemonsets'])) as readonly ReportedController[];
  const pods = await listPods(cluster);
  const { pods: reports } = await host.status();
  return reportDifferences({ node, pods, controllers }, reports);
}

function describeSteps({ remove, write, going }: Steps): string {
  const objects = write.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  return [...remove.map((key) => `-${key}`), ...objects.map((key) => `+${key}`), ...going].join(' ');
}

function describeVersion({ metadata }: ReportedPod): string {
  return `${metadata.name} ${metadata.resourceVersion}`;
}

async function listPods(cluster: Cluster): Promise<readonly ReportedPod[]> {
  return (await list(cluster, ['pods'])) as readonly ReportedPod[];
}

async function listOwn(cluster: Cluster): Promise<readonly OwnObject[]> {
  const selector = Object.entries(ownLabel).map(([name, value]) => `${name}=${value}`);
  const kinds = 'pods,deployments,daemonsets,services';
  return (await list(cluster, [kinds, '--selector', selector.join(',')])) as readonly OwnObject[];
}

/** Of the namespace `default`. */
async function list(cluster: Cluster, args: readonly string[]): Promise<readonly unknown[]> {
  const { exitCode, stdout, stderr } = await cluster.kubectl(['get', ...args, '-o', 'json', '--request-timeout=10s']);
  if (exitCode !== 0) throw new Error(`kubectl get ${args.join(' ')}: ${stderr}`);
  return (JSON.parse(stdout) as { readonly items: readonly unknown[] }).items;
}
