import { readdir, readlink, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readIfThere, writeFileAtomic } from '../../cni/index.ts';
import type { IssuedCertificate } from './certificate-request.ts';
import { replaceLink } from './files-transaction.ts';
import { renderPair } from './node-files.ts';
import { certificateFileName } from './paths.ts';

export type PairName = 'kubelet-client' | 'kubelet-server';

/** The file of the certificate in use, PEM with its key; undefined when there is none. */
export async function readPair(current: string): Promise<string | undefined> {
  return readIfThere(current);
}

/**
 * Writes a new certificate beside the link `current` under a name with its date, then moves the link (client-go,
 * `util/certificate/certificate_store.go`). The former one stays for whoever had read the link before; those before it go.
 */
export async function storePair(current: string, name: PairName, issued: IssuedCertificate, now: Date): Promise<void> {
  const directory = dirname(current);
  const file = certificateFileName(name, now);
  const former = await readlink(current).catch(() => '');
  await writeFileAtomic(join(directory, file), renderPair(issued), { mode: 0o600 });
  await replaceLink(current, join(directory, file));
  await removeOlder(directory, name, new Set([file, basename(former)]));
}

async function removeOlder(directory: string, name: PairName, kept: ReadonlySet<string>): Promise<void> {
  const dated = new RegExp(`^${name}-\\d[-\\d]+\\.pem$`);
  for (const file of await readdir(directory)) {
    if (dated.test(file) && !kept.has(file)) await rm(join(directory, file), { force: true });
  }
}
