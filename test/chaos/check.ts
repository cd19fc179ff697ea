import type { Footprint } from '../lab/footprint.ts';
import { isReady, until, type PodReport } from '../lab/index.ts';
import { compare } from './compare.ts';
import {
  answerOf,
  commandOf,
  imageOf,
  podName,
  podOfName,
  serviceAddress,
  serviceName,
  servicePort,
} from './objects.ts';
import { isSteady, podsOfService, type Wanted } from './plan.ts';
import type { World } from './world.ts';

/*
 * What must hold when the faults are over. Every check gives the differences between what is wanted and what is there,
 * one readable line each.
 */

/**
 * Waits until the node has what is wanted: pods, containers, Services that answer; and the API, if there is one, says so.
 *
 * @throws Error with the differences that are left
 */
export async function settle(world: World, wanted: Wanted, deadlineMs: number): Promise<void> {
  await untilNone(world, 'what is wanted to run', deadlineMs, async () => podDifferences(world, wanted));
  await untilNone(world, 'what is wanted to be told', deadlineMs, async () => world.desired.differences());
  await untilNone(world, 'the Services to answer', deadlineMs, async () => serviceDifferences(world, wanted));
}

/** Waits until a check finds nothing. */
export async function untilNone(
  world: World,
  what: string,
  deadlineMs: number,
  check: () => Promise<readonly string[]>,
): Promise<void> {
  let left: readonly string[] = [];
  const explain = (): string => `${left.join('\n')}\n${world.daemon().describe()}`;
  await until(what, deadlineMs, async () => (left = await check()).length === 0, { intervalMs: 500, explain });
}

async function podDifferences({ host }: World, { revisions }: Wanted): Promise<readonly string[]> {
  const { pods } = await host.status();
  const running = await runningContainers(host);
  const wanted = revisions.flatMap((revision, pod) => (revision > 0 ? [{ pod, revision }] : []));
  return [
    ...compare(
      'pod',
      wanted.map(({ pod }) => `${podName(pod)} ready`),
      pods.map(describePod),
    ),
    ...compare(
      'container',
      wanted.map(({ pod, revision }) => describe(podName(pod), imageOf(revision), commandOf(pod, revision))),
      running,
    ),
  ];
}

function describePod(report: PodReport): string {
  const { pod, lastError } = report;
  const state = isReady(report) ? 'ready' : `${pod.status?.phase ?? 'without a status'}: ${lastError?.message ?? ''}`;
  return `${shortName(pod.metadata.name)} ${state}`;
}

/** Without what a static pod or a controller's pod has behind it. */
function shortName(name: string): string {
  const pod = podOfName(name);
  return pod === undefined ? name : podName(pod);
}

async function runningContainers(host: World['host']): Promise<readonly string[]> {
  const containers = (await host.containers()).filter(
    ({ State, Labels }) => State === 'running' && Labels['io.kubernetes.container.name'] === 'web',
  );
  return Promise.all(
    containers.map(async ({ Id, Labels }) => {
      const { Config, Image } = await host.docker.getContainer(Id).inspect();
      const image = (await host.docker.getImage(Image).inspect()).RepoTags[0] ?? Image;
      const command = [...[Config.Entrypoint ?? []].flat(), ...(Config.Cmd ?? [])];
      return describe(shortName(Labels['io.kubernetes.pod.name'] ?? ''), image, command);
    }),
  );
}

function describe(pod: string, image: string, command: readonly string[]): string {
  return `of ${pod}: ${image} ${command.join(' ')}`;
}

async function serviceDifferences(world: World, wanted: Wanted): Promise<readonly string[]> {
  const differences: string[] = [];
  for (const [service, there] of wanted.services.entries()) {
    const backends = there ? podsOfService(service, wanted) : [];
    const expected = backends.map((pod) => answerOf(pod, wanted.revisions[pod] ?? 0));
    const seen = await answers(world, service, 1 + 10 * expected.length);
    differences.push(...compare(`answer of ${serviceName(service)}:`, expected, [...seen]));
  }
  return differences;
}

/** The answers to connections from the host, up to the first that gets none. By nc: see `httpGet`. */
async function answers({ host }: World, service: number, count: number): Promise<ReadonlySet<string>> {
  const connect = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 2 ${serviceAddress(service)} ${servicePort}`;
  const loop = `for i in $(seq ${count}); do a=$(${connect}); [ -n "$a" ] || exit 0; echo "$a" | tail -n 1; done`;
  const { stdout } = await host.exec('sh', ['-c', loop], { timeoutMs: 120_000 });
  return new Set(stdout.split('\n').filter((line) => line !== ''));
}

/** A restart of any container of a steady pod changes one of these lines. */
export async function steadyContainers({ host }: World): Promise<readonly string[]> {
  const containers = (await host.containers()).filter(({ Labels }) => {
    const pod = podOfName(Labels['io.kubernetes.pod.name'] ?? '');
    return pod !== undefined && isSteady(pod);
  });
  const lines = containers.map(async ({ Id, Names }) => {
    const { State } = await host.docker.getContainer(Id).inspect();
    return `${Names.join(' ')} ${Id.slice(0, 12)} ${State.Status} since ${State.StartedAt}`;
  });
  return (await Promise.all(lines)).sort();
}

/** The same pods must leave the same number of things, whatever came to pass before. */
export function footprintDifferences(before: Footprint, after: Footprint): readonly string[] {
  const counts: ReadonlyMap<string, number> = new Map(
    Object.entries(before).map(([kind, lines]: [string, readonly string[]]) => [kind, lines.length]),
  );
  return Object.entries(after).flatMap(([kind, lines]: [string, readonly string[]]) => {
    const count = counts.get(kind) ?? 0;
    return lines.length === count ? [] : [`${lines.length} ${kind}, and not ${count}:`, ...lines];
  });
}

/** Rules that are left of Services when none is wanted. */
export async function serviceRules({ host }: World, services: number): Promise<readonly string[]> {
  const { stdout } = await host.exec('nft', ['--numeric', '--stateless', 'list', 'ruleset']);
  const ofServices = Array.from({ length: services }, (_, service) => [
    `${serviceAddress(service)} `,
    `/${serviceName(service)}/`,
  ]).flat();
  return stdout.split('\n').filter((line) => ofServices.some((text) => line.includes(text)));
}
