import type { Verdict } from '../../cli/check/facts.ts';
import type { Finding, PreflightFacts } from './facts.ts';

/** What stands in the way of a join, in the order in which a reader repairs it (`cmd/kubeadm/app/preflight/checks.go`). */
export function planPreflight(facts: PreflightFacts): readonly Finding[] {
  return [
    ...privileges(facts),
    ...nodeName(facts),
    ...occupied(facts),
    ...leftovers(facts),
    ...facts.host.flatMap(fromCheck),
    ...server(facts),
  ];
}

/** Findings that end the join: failures that the user did not choose to ignore. */
export function fatal(findings: readonly Finding[], ignored: ReadonlySet<string>): readonly Finding[] {
  return findings.filter(
    ({ level, name }) => level === 'FAIL' && !ignored.has('all') && !ignored.has(name.toLowerCase()),
  );
}

/** In kubeadm's form, `[ERROR Name]: …`, which users and their scripts know. */
export function renderFindings(findings: readonly Finding[], fatalOnes: readonly Finding[]): string {
  const line = (label: string, { name, message, fix }: Finding): string =>
    `\t[${label} ${name}]: ${message}\n${fix === undefined ? '' : `\t\tfix: ${fix}\n`}`;
  const warnings = findings
    .filter((finding) => !fatalOnes.includes(finding))
    .map((finding) => line('WARNING', finding));
  if (fatalOnes.length === 0) return warnings.join('');
  return [
    ...warnings,
    '[preflight] Errors:\n',
    ...fatalOnes.map((finding) => line('ERROR', finding)),
    '[preflight] `--ignore-preflight-errors=NAME,...` turns errors into warnings\n',
  ].join('');
}

function privileges({ uid }: PreflightFacts): Finding[] {
  if (uid === 0) return [];
  return [
    { name: 'IsPrivilegedUser', level: 'FAIL', message: 'joining takes the rights of root', fix: 'run it with sudo' },
  ];
}

const nameFormat = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const longestName = 253;

function nodeName({ nodeName: name }: PreflightFacts): Finding[] {
  if (nameFormat.test(name) && name.length <= longestName) return [];
  const message = `the node name ${JSON.stringify(name)} is no DNS subdomain (RFC 1123)`;
  return [{ name: 'Hostname', level: 'FAIL', message, fix: 'give another with --node-name' }];
}

function occupied({ kubelets, portTaken }: PreflightFacts): Finding[] {
  const [pid] = kubelets;
  if (pid !== undefined) {
    return [
      {
        name: 'KubeletRunning',
        level: 'FAIL',
        message: `a kubelet runs here (process ${pid}): podwright takes its place`,
        fix: 'systemctl disable --now kubelet; a node that has joined needs no other join: start podwright with its files',
      },
    ];
  }
  if (!portTaken) return [];
  const fix = 'ss -ltnp "sport = :10250" says who listens; stop it';
  return [{ name: 'Port-10250', level: 'FAIL', message: 'Port 10250 is in use', fix }];
}

/** kubeadm's name of a finding: there is a file already. */
export const fileFinding = (path: string): string => `FileAvailable-${path.replaceAll('/', '-')}`;

function leftovers({ files, manifests }: PreflightFacts): Finding[] {
  const found = files.map((path): Finding => ({
    name: fileFinding(path),
    level: 'FAIL',
    message: `${path} already exists`,
    fix: 'podwright reset, when this host has left its old cluster',
  }));
  if (manifests.names.length === 0) return found;
  return [
    ...found,
    {
      name: `DirAvailable-${manifests.path.replaceAll('/', '-')}`,
      level: 'FAIL',
      message: `${manifests.path} is not empty: it has ${manifests.names.slice(0, 5).join(', ')}`,
      fix: 'these pods would run on the new node; move them away, or ignore this to keep them',
    },
  ];
}

function fromCheck({ name, level, message, fix }: Verdict): Finding[] {
  if (level === 'OK' || name === 'manifest directory') return []; // A node of a cluster needs none.
  const base = { name: name.replaceAll(/[^A-Za-z0-9.-]+/g, '-'), level, message };
  return [fix === undefined ? base : { ...base, fix }];
}

/** Certificates are dated five minutes back when they are issued (`pkg/controller/certificates/signer`). */
const mostSkewMs = 240_000;

function server({ server: fact }: PreflightFacts): Finding[] {
  if (fact === undefined) return [];
  if (!fact.reached) {
    const base = { name: 'APIServer', level: 'FAIL', message: fact.problem } as const;
    return [fact.advice === undefined ? base : { ...base, fix: fact.advice }];
  }
  const { skewMs = 0 } = fact;
  if (Math.abs(skewMs) <= mostSkewMs) return [];
  const direction = skewMs > 0 ? 'behind' : 'ahead of';
  const message = `this host's clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${direction} the API server's`;
  return [{ name: 'Clock', level: 'FAIL', message, fix: 'timedatectl set-ntp true, or set the clock' }];
}
