import { execa } from 'execa';
import { readFileSync } from 'node:fs';
import { podwrightProgram } from '../lab/daemon.ts';
import { until } from '../lab/index.ts';
import { processStat } from '../lab/processes.ts';
import { findPod, isReady, parseStatus, statusArgs, type PodReport } from '../lab/status.ts';

/** Prints what the example pod of the daemon with `pid` does: the status, its log, its answer on the pod's IP. */
export async function show(stateDir: string, pid: number): Promise<void> {
  const socket = `${stateDir}/podwright.sock`;
  const report = await examplePod(socket, pid);
  const ip = report.pod.status?.podIP ?? '';
  const log = await until('the log of the container page', 10_000, () => pageLog(stateDir, report) || undefined);
  const answer = await (await fetch(`http://${ip}:8080/`)).text();
  const status = await podwright(['status', '--socket', socket]);
  console.log(`
==> podwright status
${status.stdout}

==> container "page" asks container "web" over localhost, and logs:
${log}

==> http://${ip}:8080/, the pod's own address, answers this host:
${answer}`);
}

async function examplePod(socket: string, pid: number): Promise<PodReport> {
  let last = '';
  const probe = async (): Promise<PodReport | 'ended' | undefined> => {
    if (processStat(pid) === undefined) return 'ended';
    const { stdout, stderr } = await podwright(statusArgs(socket));
    last = stderr || stdout;
    const report = findPod(parseStatus(stdout), 'two-containers');
    return report !== undefined && isReady(report) ? report : undefined;
  };
  const found = await until('the example pod to be ready', 90_000, probe, { intervalMs: 250, explain: () => last });
  if (found === 'ended') throw new Error('podwright has ended; its log above says why');
  return found;
}

async function podwright(args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return execa(process.execPath, [podwrightProgram, ...args], { reject: false, timeout: 10_000 });
}

/** Docker's json-file format: one object a line. */
function pageLog(stateDir: string, { pod: { metadata } }: PodReport): string {
  const directory = `${metadata.namespace}_${metadata.name}_${metadata.uid}`;
  const text = readFileSync(`${stateDir}/pod-logs/${directory}/page/0.log`, 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines
    .slice(-3)
    .map((line) => (JSON.parse(line) as { readonly log: string }).log.trimEnd())
    .join('\n');
}
