/** One measured number beside what the issue asks for. */
export interface Row {
  readonly what: string;
  readonly podwright: string;
  /** The same by plain Docker API calls, or of a named peer; empty where there is no such thing. */
  readonly floor: string;
  readonly ratio: string;
  readonly limit: string;
  /** Undefined for rows without a limit. */
  readonly met?: boolean;
}

export interface MachineFacts {
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  readonly docker: string;
  readonly storageDriver: string;
  readonly node: string;
}

export function renderTable(rows: readonly Row[]): string {
  const head = ['measured', 'podwright', 'floor', 'ratio', 'limit', ''];
  const lines = rows.map(({ what, podwright, floor, ratio, limit, met }) => {
    const verdict = met === undefined ? '' : met ? 'met' : 'MISSED';
    return [what, podwright, floor, ratio, limit, verdict];
  });
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The whole of RESULTS.md. */
export function renderResults(rows: readonly Row[], facts: MachineFacts): string {
  return `# Benchmark

\`npm run bench\` makes this file: a test host of the lab, the built daemon, pods of one container (busybox, which
touches a file on a hostPath volume as its first act).

The floor is what the same dockerd needs for the same two containers (pause and app) by plain API calls, measured in turn
with podwright in the same run: one at a time it makes the four calls in sequence, in a burst it works on as many pairs at
once as is fastest for this dockerd. Numbers are medians.

The kubelet is 1.20.2 of Debian's source, with dockershim, the reference plugins \`bridge\` and \`portmap\`, and kube-proxy. It and
podwright have a test host with a dockerd of its own each, are nodes of one cluster (API server 1.20.2), and are measured in
turn. Their pods have a token volume and end on SIGTERM at once.

A restart is one as at an upgrade: the daemon is told to end, and the time runs from the start of the next process. Full service is
when every pod was looked at, the local API tells of all that they are ready, a Service that was dropped meanwhile answers, and
probes come.

${renderTable(rows)}

Machine: ${facts.cores} cores (${facts.cpu}), Linux ${facts.kernel}, Docker ${facts.docker} with ${facts.storageDriver}, Node.js ${facts.node}.
`;
}

export function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}
