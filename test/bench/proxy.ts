import { rmSync } from 'node:fs';
import { runSubject, type Run } from './proxy-run.ts';
import {
  bundlePodwright,
  findPeer,
  peerSubject,
  podwrightSubject,
  temporaryDirectory,
  variantDirectory,
  type Subject,
} from './proxy-subjects.ts';
import type { Row } from './report.ts';
import { median } from './stats.ts';

/*
 * Podwright's proxy beside kube-proxy 1.20.2 of Debian: both as processes in network namespaces of their own, with the same API
 * server, Services and client. kube-proxy of that version has no mode nftables, and writes all rules at each change.
 */

const services = 5_000;
const fewServices = 10;
/** V8 gives memory back when it has been idle for some 25 s. */
const restMs = 40_000;
/** A sync of kube-proxy takes most of a minute with the nft variant. */
const rounds = { legacy: 3, nft: 1, nftables: 3 } as const;

type Measure = (subject: Subject, count?: number, restMs?: number) => Promise<Run>;

export async function proxy(_stage: unknown, say: (text: string) => void): Promise<readonly Row[]> {
  const peer = findPeer(say);
  if (peer === undefined) return [];
  const directory = temporaryDirectory();
  try {
    const paths = { legacy: variantDirectory(directory, 'legacy'), nft: variantDirectory(directory, 'nft') };
    const measure: Measure = async (subject, count = services, rest = 0) => {
      const options = { directory, variantPath: paths[subject.variant], services: count, restMs: rest };
      const run = await runSubject(subject, options);
      say(`${subject.name}, ${count} Services: ${describeRun(run)}`);
      return run;
    };
    return await compare(await bundlePodwright(directory), peer, measure);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function compare(bundle: string, peer: string, measure: Measure): Promise<readonly Row[]> {
  const legacy = [podwrightSubject(bundle, 'iptables', 'legacy'), peerSubject(peer, 'legacy')] as const;
  const nft = [podwrightSubject(bundle, 'iptables', 'nft'), peerSubject(peer, 'nft')] as const;
  const nftables = podwrightSubject(bundle, 'nftables', 'nft');
  const few = [await measure(legacy[0], fewServices), await measure(nftables, fewServices)] as const;
  const [ours, theirs] = await alternate(legacy, rounds.legacy, measure);
  const [oursNft, theirsNft] = await alternate(nft, rounds.nft, measure);
  const [tables] = await alternate([nftables], rounds.nftables, measure);
  return [
    ...timeRows('iptables (legacy)', ours, theirs, 'at most 1.0'),
    ...timeRows('iptables (nft)', oursNft, theirsNft, 'at most 1.0'),
    ...timeRows('nftables; kube-proxy: iptables (nft)', tables, theirsNft, ''),
    ...memoryRows('iptables', ours, theirs),
    ...memoryRows('nftables; kube-proxy: iptables', tables, theirs),
    programsRow('iptables', few[0], ours),
    programsRow('nftables', few[1], tables),
  ];
}

type RunsOf<S extends readonly Subject[]> = { readonly [K in keyof S]: readonly Run[] };

/** In turn, so that what disturbs the machine disturbs all; after the last round they rest. */
async function alternate<const S extends readonly Subject[]>(subjects: S, count: number, measure: Measure) {
  const runs: Run[][] = subjects.map(() => []);
  for (let round = 1; round <= count; round += 1) {
    const isLast = round === count && count > 1;
    for (const [index, subject] of subjects.entries()) {
      runs[index]?.push(await measure(subject, services, isLast ? restMs : 0));
    }
  }
  return runs as unknown as RunsOf<S>;
}

function timeRows(mode: string, ours: readonly Run[], theirs: readonly Run[], fullLimit: string): readonly Row[] {
  const row = (what: string, key: 'fullMs' | 'changeMs', limit: string, most: number): Row => {
    const [own, other] = [ours, theirs].map((runs) => median(runs.map((run) => run[key])));
    return ratioRow(`${what}, ${mode}`, { own, other, unit: 'ms', limit, isMet: (ratio) => ratio <= most });
  };
  return [
    row('full sync of 5,000 Services with 5 endpoints', 'fullMs', fullLimit, 1),
    row('one endpoint changed among 5,000 Services', 'changeMs', 'at most 0.5', 0.5),
  ];
}

function memoryRows(mode: string, ours: readonly Run[], theirs: readonly Run[]): readonly Row[] {
  const row = (what: string, limit: string, of: (runs: readonly Run[]) => number): Row => {
    const values = { own: of(ours), other: of(theirs) };
    return ratioRow(`${what}, ${mode}`, { ...values, unit: 'MB', limit, isMet: (ratio) => ratio < 1 });
  };
  return [
    row('memory (RSS) at rest with 5,000 Services', 'under 1.0', (runs) => runs.at(-1)?.rssMb ?? Number.NaN),
    row('memory at most', '', (runs) => median(runs.map(({ peakMb }) => peakMb))),
  ];
}

interface Ratio {
  readonly own: number | undefined;
  readonly other: number | undefined;
  readonly unit: string;
  /** Empty for none. */
  readonly limit: string;
  readonly isMet: (ratio: number) => boolean;
}

function ratioRow(what: string, { own = Number.NaN, other = Number.NaN, unit, limit, isMet }: Ratio): Row {
  const ratio = own / other;
  const figures = { podwright: `${own.toFixed(0)} ${unit}`, floor: `kube-proxy: ${other.toFixed(0)} ${unit}` };
  return { what, ...figures, ratio: ratio.toFixed(2), limit, ...(limit === '' ? {} : { met: isMet(ratio) }) };
}

/** The start asks what works and takes away what other modes left, besides the two programs of its sync at most. */
function programsRow(mode: string, few: Run, many: readonly Run[]): Row {
  const count = ({ programs }: Run): string => `start ${programs.start.length}, change ${programs.change.length}`;
  const counts = new Set([few, ...many].map(count));
  return {
    what: `external programs with ${fewServices} and with 5,000 Services, ${mode}`,
    podwright: [...counts].join(' or '),
    ...{ floor: '', ratio: '', limit: 'constant', met: counts.size === 1 },
  };
}

function describeRun({ fullMs, syncMs, changeMs, rssMb, peakMb }: Run): string {
  const times = `full ${fullMs.toFixed(0)} ms (sync ${syncMs.toFixed(0)} ms), change ${changeMs.toFixed(0)} ms`;
  return `${times}, RSS ${rssMb.toFixed(0)} MB, peak ${peakMb.toFixed(0)} MB`;
}
