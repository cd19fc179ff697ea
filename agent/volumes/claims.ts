import { readFile } from 'node:fs/promises';
import { errorCode, writeFileAtomic } from '../../cni/index.ts';
import type { ObjectReader, PersistentVolume } from '../objects/types.ts';
import { bindClaims, type ClaimRecords } from './claims-plan.ts';

/** Finds the PersistentVolume behind a claim. */
export interface ClaimBinder {
  /**
   * @throws Error when there is no such claim, or no volume for it
   */
  volumeOf(namespace: string, claim: string): Promise<PersistentVolume>;
}

/** @param file where the choices are kept, which must outlive the daemon */
export function createClaimBinder(objects: ObjectReader, file: string): ClaimBinder {
  let records: Promise<ClaimRecords> | undefined;

  /** One at a time: each starts from the records that the one before it has written. */
  async function bind(): Promise<ReadonlyMap<string, PersistentVolume>> {
    const before = records ?? readRecords(file);
    const run = before.then(async (known) => {
      const bindings = bindClaims(objects.objects('PersistentVolumeClaim'), objects.objects('PersistentVolume'), known);
      if (!isSame(known, bindings.records)) await writeRecords(file, bindings.records);
      return bindings;
    });
    // After a failure what is on disk is read again.
    records = run.then((bindings) => bindings.records);
    records.catch(() => (records = undefined));
    return (await run).volumes;
  }

  return {
    volumeOf: async (namespace, name) => {
      if (objects.object('PersistentVolumeClaim', namespace, name) === undefined) {
        throw new Error(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
      }
      const volume = (await bind()).get(`${namespace}/${name}`);
      if (volume === undefined) throw new Error('pod has unbound immediate PersistentVolumeClaims');
      return volume;
    },
  };
}

function isSame(a: ClaimRecords, b: ClaimRecords): boolean {
  return a.size === b.size && [...a].every(([claim, volume]) => b.get(claim) === volume);
}

async function readRecords(file: string): Promise<ClaimRecords> {
  try {
    return parseRecords(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return new Map();
    // To begin anew could give a claim another's data.
    throw new Error(`cannot read which claim has which volume from ${file}; repair the file or remove it`, {
      cause: error,
    });
  }
}

function parseRecords(value: unknown): ClaimRecords {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not a JSON object');
  return new Map(
    Object.entries(value).map(([claim, volume]: [string, unknown]) => {
      if (typeof volume !== 'string') throw new Error(`the volume of ${claim} is not a name`);
      return [claim, volume];
    }),
  );
}

async function writeRecords(file: string, records: ClaimRecords): Promise<void> {
  const sorted = [...records].toSorted(([a], [b]) => (a < b ? -1 : 1));
  await writeFileAtomic(file, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`, { mode: 0o600 });
}
