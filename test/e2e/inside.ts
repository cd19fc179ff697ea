import type { CoreEvent } from '../../agent/events/types.ts';
import type { ContainerStatus } from '../../agent/objects/types.ts';
import type { PodReport, TestHost } from '../lab/index.ts';

/** Looks into pods for the e2e suites: containers by the kernel, not by what the daemon says of them. */

export function statusOf({ pod }: PodReport, container: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container);
}

/** What a condition says, but not since when. */
export function conditionOf({ pod }: PodReport, wanted: string): object | undefined {
  const found = pod.status?.conditions?.find(({ type }) => type === wanted);
  if (found === undefined) return undefined;
  const { status, reason, message } = found;
  return { status, ...(reason && { reason }), ...(message && { message }) };
}

/** The first process of a container, as the host sees it. */
export async function pidOf(host: TestHost, report: PodReport, container: string): Promise<number> {
  const id = statusOf(report, container)?.containerID?.slice('docker://'.length) ?? '';
  return (await host.docker.getContainer(id).inspect()).State.Pid;
}

/** What a script prints in the namespaces of a container, without Docker's help. */
export async function inside(host: TestHost, report: PodReport, container: string, script: string): Promise<string> {
  const pid = await pidOf(host, report, container);
  const { exitCode, stdout, stderr } = await host.exec(
    'nsenter',
    [...['--target', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--root'], '/bin/sh', '-c', script],
    { env: { PATH: '/bin' } },
  );
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stderr}`);
  return stdout;
}

/** The environment that a container was started with. */
export async function environmentOf(
  host: TestHost,
  report: PodReport,
  container: string,
): Promise<Map<string, string>> {
  const text = await inside(host, report, container, 'cat /proc/1/environ');
  const variables = text.split('\0').filter((variable) => variable !== '');
  return new Map(variables.map((variable) => split(variable)));
}

function split(variable: string): [name: string, value: string] {
  const end = variable.indexOf('=');
  return [variable.slice(0, end), variable.slice(end + 1)];
}

/** Events about a pod, oldest first. */
export async function eventsOf(host: TestHost, pod: string): Promise<readonly CoreEvent[]> {
  const about = `pod/${pod}`;
  const { stdout } = await host.podwright(['events', '--for', about, '-o', 'json', '--socket', host.podwrightSocket]);
  return (JSON.parse(stdout) as { readonly items: readonly CoreEvent[] }).items;
}
