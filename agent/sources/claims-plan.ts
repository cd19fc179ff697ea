import { objectKey, podKey } from '../objects/index.ts';
import type { SourcedObject, SourcedPod, SourceProblem } from './types.ts';

/** What a file wants. */
export interface ClaimingFile {
  readonly origin: string;
  readonly pods: readonly SourcedPod[];
  readonly objects: readonly SourcedObject[];
  /** The file is gone and kept for a moment, in case an editor is about to write it again: it yields to any other. */
  readonly leaving: boolean;
}

/** The file and content that a name belongs to. */
export interface Owner {
  readonly origin: string;
  /** Changes with the content: a pod's UID, another object's resource version. */
  readonly version: string;
}

/** By `podKey` or `objectKey`. */
export type Owners = ReadonlyMap<string, Owner>;

export interface ClaimsPlan {
  readonly pods: readonly SourcedPod[];
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly SourceProblem[];
  /** The input of the next plan. */
  readonly owners: Owners;
}

interface Claim {
  readonly sourced: SourcedPod | SourcedObject;
  readonly key: string;
  readonly version: string;
  /** UID of a pod: directories and containers are named by it. */
  readonly uid: string | undefined;
  readonly leaving: boolean;
  /** Lower wins. */
  readonly rank: number;
}

/**
 * Decides which file has an object when several claim its name, or two pods one UID: the file that has it already, else the
 * first in the order given. Every other claim is a problem that names both files. Once the first lets go, the next takes
 * over.
 *
 * @param files in lexical order of their names
 */
export function planClaims(files: readonly ClaimingFile[], owners: Owners): ClaimsPlan {
  const claims = files.flatMap((file) =>
    [...file.pods, ...file.objects].map((sourced) => toClaim(sourced, file.leaving, owners)),
  );
  const byKey = new Map<string, Claim>();
  const byUid = new Map<string, Claim>();
  const problems: SourceProblem[] = [];
  for (const claim of [...claims].sort((a, b) => a.rank - b.rank)) {
    const first = byKey.get(claim.key) ?? byUid.get(claim.uid ?? '');
    if (first === undefined) {
      byKey.set(claim.key, claim);
      if (claim.uid !== undefined) byUid.set(claim.uid, claim);
    } else if (!claim.leaving) {
      problems.push(conflict(claim, first));
    }
  }
  const winners = new Set([...byKey.values()].map(({ sourced }) => sourced));
  return {
    pods: files.flatMap(({ pods }) => pods).filter((sourced) => winners.has(sourced)),
    objects: files.flatMap(({ objects }) => objects).filter((sourced) => winners.has(sourced)),
    problems,
    owners: ownersOf([...byKey.values()]),
  };
}

/** Those who own what they want, unless somebody before them wants it too. */
export function firstOwners(files: readonly ClaimingFile[]): Owners {
  return planClaims(files, new Map()).owners;
}

function ownersOf(claims: readonly Claim[]): Owners {
  return new Map(claims.map(({ key, version, sourced }) => [key, { origin: sourced.origin, version }]));
}

function toClaim(sourced: SourcedPod | SourcedObject, leaving: boolean, owners: Owners): Claim {
  const { key, version, uid } = identify(sourced);
  const owner = owners.get(key);
  const owned = owner?.origin === sourced.origin;
  const unchanged = owned && owner.version === version;
  return { sourced, key, version, uid, leaving, rank: (leaving ? 3 : 0) + (unchanged ? 0 : owned ? 1 : 2) };
}

function identify(sourced: SourcedPod | SourcedObject): Pick<Claim, 'key' | 'version' | 'uid'> {
  if ('pod' in sourced) {
    const { uid } = sourced.pod.metadata;
    return { key: podKey(sourced.pod), version: uid, uid };
  }
  const { kind, metadata } = sourced.object;
  const key = objectKey(kind, metadata.namespace, metadata.name);
  return { key, version: metadata.resourceVersion ?? '', uid: undefined };
}

function conflict(claim: Claim, first: Claim): SourceProblem {
  const { sourced, key, uid = '' } = claim;
  const { origin } = sourced;
  const sameName = first.key === key;
  const name = 'pod' in sourced ? `pod ${key}` : describe(sourced);
  const what = sameName ? name : `UID ${uid} (pod ${first.key})`;
  return {
    origin,
    path: sameName ? 'metadata.name' : 'metadata.uid',
    severity: 'error',
    message: `Duplicate value: ${what} belongs to ${first.sourced.origin}; its second definition in ${origin} is ignored`,
    ...('pod' in sourced ? { pod: key } : { object: key }),
  };
}

function describe({ object }: SourcedObject): string {
  const { namespace, name } = object.metadata;
  return `${object.kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}
