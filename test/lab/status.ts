import type { NodeInfo, PodReport } from '../../agent/server/local/state.ts';
import type { SourceProblem } from '../../agent/sources/types.ts';
import { until } from './wait.ts';

export type { PodReport } from '../../agent/server/local/state.ts';

/** What `podwright status -o json` prints. */
export interface StatusReport {
  readonly node: NodeInfo;
  readonly pods: readonly PodReport[];
  readonly problems: readonly SourceProblem[];
}

/** Arguments of the CLI for the whole status. */
export function statusArgs(socket: string): readonly string[] {
  return ['status', '--socket', socket, '-o', 'json'];
}

export function parseStatus(stdout: string): StatusReport {
  return JSON.parse(stdout) as StatusReport;
}

/**
 * A pod by the name in its manifest, which a static pod bears with the node's name behind it, or by its full name.
 *
 * @param name with `namespace/` in front of it when the namespace is not `default`
 */
export function findPod(status: StatusReport, name: string): PodReport | undefined {
  const key = name.includes('/') ? name : `default/${name}`;
  return status.pods.find(({ pod: { metadata } }) =>
    [key, `${key}-${status.node.name}`].includes(`${metadata.namespace}/${metadata.name}`),
  );
}

/** Running, with every container ready. */
export function isReady({ pod, terminating }: PodReport): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  return !terminating && pod.status?.phase === 'Running' && ready?.status === 'True';
}

/** Questions to the daemon of a test host. */
export interface StatusCalls {
  /** `podwright status -o json`. Rejects while no daemon answers. */
  status(): Promise<StatusReport>;
  /** @param name as {@link findPod} takes it */
  waitForPod(name: string, predicate: (report: PodReport) => boolean, deadlineMs?: number): Promise<PodReport>;
  waitForNoPod(name: string, deadlineMs?: number): Promise<void>;
}

interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * @param run asks for the status by the CLI
 * @param describeDaemon what the daemon is doing, told when something does not come about
 */
export function statusCalls(run: () => Promise<Answer>, describeDaemon: () => string): StatusCalls {
  let last = 'no status';
  const status = async (): Promise<StatusReport> => {
    const { exitCode, stdout, stderr } = await run();
    last = stderr || stdout;
    if (exitCode !== 0) throw new Error(`podwright status exited with ${exitCode}: ${stderr}`);
    return parseStatus(stdout);
  };
  const options = { intervalMs: 100, explain: () => `${last}\n${describeDaemon()}` };
  return {
    status,
    waitForPod: async (name, predicate, deadlineMs = 30_000) => {
      const find = async (): Promise<PodReport | undefined> => {
        const report = findPod(await status(), name);
        return report !== undefined && predicate(report) ? report : undefined;
      };
      return until(`pod ${name}`, deadlineMs, find, options);
    },
    waitForNoPod: async (name, deadlineMs = 30_000) => {
      const gone = async (): Promise<boolean> => findPod(await status(), name) === undefined;
      await until(`pod ${name} to be gone`, deadlineMs, gone, options);
    },
  };
}
