import { join } from 'node:path';
import { JoinError } from '../../bootstrap/error.ts';
import { issueCertificate, type Authority } from '../../x509.ts';
import { type NewFile, publicMode, type ReadFile, secretMode } from '../files.ts';
import type { InitSettings } from '../settings.ts';
import { newKey, publicKeyOf } from './keys.ts';
import { authorities, type AuthorityName, type CertificatePlan, certificatePlans } from './plan.ts';
import { findFault, parseCertificate } from './verdict.ts';

/** An authority; one without its key can vouch for what is there, and sign nothing. */
export interface KnownAuthority {
  readonly certificate: string;
  readonly key: string | undefined;
}

export interface Pki {
  readonly authorities: Readonly<Record<AuthorityName, KnownAuthority>>;
  /** What is missing on disk, or cannot serve as it is. */
  readonly files: readonly NewFile[];
}

export interface PkiDeps {
  readonly read: ReadFile;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly say: (line: string) => void;
}

type PkiSettings = Parameters<typeof certificatePlans>[0] &
  Pick<InitSettings, 'certificatesDir' | 'keyAlgorithm' | 'lifetimes'>;

/** Clocks of nodes differ: what is signed counts from a little earlier on (kubeadm's `CertificateBackdate`). */
export const backdateMs = 300_000;

/**
 * The certificates of a control plane. What is there and good stays: a user may bring authorities of his own, and a second
 * run changes nothing. Nothing is written.
 *
 * @throws JoinError when something that is needed is missing and cannot be made
 */
export async function makePki(settings: PkiSettings, deps: PkiDeps): Promise<Pki> {
  const names = Object.keys(authorities) as AuthorityName[];
  const made = await Promise.all(names.map((name) => findOrMakeAuthority(name, settings, deps)));
  const known = Object.fromEntries(names.map((name, index) => [name, made[index]?.authority])) as Pki['authorities'];
  const leaves = await Promise.all(
    certificatePlans(settings).map((plan) => findOrIssue(plan, known[plan.authority], settings, deps)),
  );
  const account = await serviceAccountKeys(settings, deps);
  return { authorities: known, files: [...made.flatMap(({ files }) => files), ...leaves.flat(), ...account] };
}

export const certificateFile = (directory: string, file: string): string => join(directory, `${file}.crt`);
export const keyFile = (directory: string, file: string): string => join(directory, `${file}.key`);

/** @returns the files of a certificate and its key */
function pairFiles(directory: string, file: string, { certificate, key }: Authority): readonly NewFile[] {
  return [
    { path: keyFile(directory, file), content: key, mode: secretMode },
    { path: certificateFile(directory, file), content: certificate, mode: publicMode },
  ];
}

async function findOrMakeAuthority(
  name: AuthorityName,
  { certificatesDir, keyAlgorithm, lifetimes }: PkiSettings,
  { read, now, say }: PkiDeps,
): Promise<{ readonly authority: KnownAuthority; readonly files: readonly NewFile[] }> {
  const { file, commonName } = authorities[name];
  const path = certificateFile(certificatesDir, file);
  const [certificate, key] = await Promise.all([read(path), read(keyFile(certificatesDir, file))]);
  if (certificate !== undefined) {
    if (parseCertificate(certificate)?.ca !== true) throw new JoinError(`${path} is no certificate of an authority`);
    say(`[certs] Using existing ${name} certificate authority`);
    return { authority: { certificate, key }, files: [] };
  }
  say(`[certs] Generating "${name}" certificate and key`);
  const newOne = key ?? (await newKey(keyAlgorithm));
  const until = now + lifetimes.authorityMs;
  const content = { subject: { commonName }, hosts: [commonName], usages: [], isAuthority: true };
  const authority = {
    certificate: issueCertificate({ ...content, from: now - backdateMs, until }, newOne),
    key: newOne,
  };
  return { authority, files: pairFiles(certificatesDir, file, authority) };
}

async function findOrIssue(
  plan: CertificatePlan,
  authority: KnownAuthority,
  { certificatesDir, keyAlgorithm, lifetimes }: PkiSettings,
  { read, now, say }: PkiDeps,
): Promise<readonly NewFile[]> {
  const { name, file, hosts } = plan;
  const path = certificateFile(certificatesDir, file);
  const [certificate, key] = await Promise.all([read(path), read(keyFile(certificatesDir, file))]);
  const fault =
    certificate === undefined || key === undefined
      ? 'it is not there'
      : findFault({ certificate, key }, { authority: authority.certificate, hosts, now });
  if (fault === undefined) {
    say(`[certs] Using existing ${name} certificate and key`);
    return [];
  }
  if (certificate !== undefined) say(`[certs] ${path} is replaced: ${fault}`);
  say(`[certs] Generating "${name}" certificate and key`);
  const newPair = await issuePair(plan, signing(plan.authority, authority), {
    ...{ keyAlgorithm, now, certificateMs: lifetimes.certificateMs },
  });
  return pairFiles(certificatesDir, file, newPair);
}

/** @throws JoinError when the authority's key is elsewhere */
export function signing(name: AuthorityName, { certificate, key }: KnownAuthority): Authority {
  if (key !== undefined) return { certificate, key };
  throw new JoinError(
    `the key of the certificate authority ${name} is not here, so that nothing new can be signed`,
    `bring ${authorities[name].file}.key, or all certificates that it signs`,
  );
}

export interface IssueOptions {
  readonly keyAlgorithm: InitSettings['keyAlgorithm'];
  readonly now: number;
  readonly certificateMs: number;
}

/** A new key and a certificate for it, which ends with its authority at the latest. */
export async function issuePair(
  { subject, hosts, usages }: Pick<CertificatePlan, 'subject' | 'hosts' | 'usages'>,
  authority: Authority,
  { keyAlgorithm, now, certificateMs }: IssueOptions,
): Promise<Authority> {
  const key = await newKey(keyAlgorithm);
  const end = Date.parse(parseCertificate(authority.certificate)?.validTo ?? '');
  const until = Math.min(now + certificateMs, end);
  return {
    certificate: issueCertificate({ subject, hosts, usages, from: now - backdateMs, until }, key, authority),
    key,
  };
}

/** The keys that service account tokens are signed and checked with. */
async function serviceAccountKeys(
  { certificatesDir, keyAlgorithm }: PkiSettings,
  { read, say }: PkiDeps,
): Promise<readonly NewFile[]> {
  const [privatePath, publicPath] = [join(certificatesDir, 'sa.key'), join(certificatesDir, 'sa.pub')];
  const [key, publicKey] = await Promise.all([read(privatePath), read(publicPath)]);
  if (key !== undefined && publicKey !== undefined) {
    say('[certs] Using the existing "sa" key');
    return [];
  }
  say('[certs] Generating "sa" key and public key');
  const newOne = key ?? (await newKey(keyAlgorithm));
  return [
    ...(key === undefined ? [{ path: privatePath, content: newOne, mode: secretMode }] : []),
    { path: publicPath, content: publicKeyOf(newOne), mode: secretMode },
  ];
}
