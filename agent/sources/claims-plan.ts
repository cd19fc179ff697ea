import { podKey } from '../objects/index.ts';
import type { SourcedPod, SourceProblem } from './types.ts';

/** What a file wants. */
export interface ClaimingFile {
  readonly origin: string;
  readonly pods: readonly SourcedPod[];
  /** The file is gone and kept for a moment, in case an editor is about to write it again: it yields to any other. */
  readonly leaving: boolean;
}

/** The file and UID that a pod name belongs to. */
export interface Owner {
  readonly origin: string;
  readonly uid: string;
}

export interface ClaimsPlan {
  readonly pods: readonly SourcedPod[];
  readonly problems: readonly SourceProblem[];
  /** Keyed by `namespace/name`; the input of the next plan. */
  readonly owners: ReadonlyMap<string, Owner>;
}

interface Claim {
  readonly sourced: SourcedPod;
  readonly key: string;
  readonly leaving: boolean;
  /** Lower wins. */
  readonly rank: number;
}

/**
 * Decides which file has a pod when several claim its namespace and name, or its UID: the one that has it already, else
 * the first in the order given. Every other claim is a problem that names both files. Once the first lets go, the
 * next takes over.
 *
 * @param files in lexical order of their names
 */
export function planClaims(files: readonly ClaimingFile[], owners: ReadonlyMap<string, Owner>): ClaimsPlan {
  const claims = files.flatMap((file) => file.pods.map((sourced) => toClaim(sourced, file.leaving, owners)));
  const byKey = new Map<string, SourcedPod>();
  const byUid = new Map<string, SourcedPod>();
  const problems: SourceProblem[] = [];
  for (const claim of [...claims].sort((a, b) => a.rank - b.rank)) {
    const { sourced, key } = claim;
    const uid = sourced.pod.metadata.uid;
    const first = byKey.get(key) ?? byUid.get(uid);
    if (first === undefined) {
      byKey.set(key, sourced);
      byUid.set(uid, sourced);
    } else if (!claim.leaving) {
      problems.push(conflict(claim, first, byKey.has(key)));
    }
  }
  const winners = new Set(byKey.values());
  return {
    pods: claims.map(({ sourced }) => sourced).filter((sourced) => winners.has(sourced)),
    problems,
    owners: new Map([...byKey].map(([key, { origin, pod }]) => [key, { origin, uid: pod.metadata.uid }])),
  };
}

function toClaim(sourced: SourcedPod, leaving: boolean, owners: ReadonlyMap<string, Owner>): Claim {
  const key = podKey(sourced.pod);
  const owner = owners.get(key);
  const owned = owner?.origin === sourced.origin;
  const unchanged = owned && owner.uid === sourced.pod.metadata.uid;
  return { sourced, key, leaving, rank: (leaving ? 3 : 0) + (unchanged ? 0 : owned ? 1 : 2) };
}

function conflict(claim: Claim, first: SourcedPod, sameName: boolean): SourceProblem {
  const { sourced, key } = claim;
  const what = sameName ? `pod ${key}` : `UID ${sourced.pod.metadata.uid} (pod ${podKey(first.pod)})`;
  return {
    origin: sourced.origin,
    path: sameName ? 'metadata.name' : 'metadata.uid',
    severity: 'error',
    message: `Duplicate value: ${what} belongs to ${first.origin}; its second definition in ${sourced.origin} is ignored`,
    pod: key,
  };
}
