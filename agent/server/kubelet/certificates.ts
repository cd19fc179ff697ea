import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { errorCode, writeFileAtomic } from '../../../cni/index.ts';
import { type KeyPair, renderSelfSigned } from './self-signed-render.ts';
import type { ServingFiles } from './settings-plan.ts';

/** What TLS is served with: two PEM texts, and that of the CAs of clients. */
export interface TlsMaterial extends KeyPair {
  /** Undefined: no client has a certificate that counts. */
  readonly clientCa: string | undefined;
}

export interface MaterialOptions {
  readonly serving: ServingFiles;
  readonly clientCaFile: string | undefined;
  /** As they are now: a certificate that the server made for itself follows them. */
  readonly hosts: () => readonly string[];
  readonly now: () => number;
}

/** Reads what the files hold now, and stands in for a serving certificate that is not there yet. */
export class MaterialReader {
  readonly #options: MaterialOptions;
  #standIn: KeyPair | undefined;
  /** Of the last one that was made: names that no certificate fits must not lead to one a look. */
  #madeFor: string | undefined;

  constructor(options: MaterialOptions) {
    this.#options = options;
  }

  /** @throws for files that were named and cannot be read or used */
  async read(): Promise<TlsMaterial> {
    const [pair, clientCa] = await Promise.all([this.#servingPair(), readClientCa(this.#options.clientCaFile)]);
    return { ...pair, clientCa };
  }

  async #servingPair(): Promise<KeyPair> {
    const { serving } = this.#options;
    if (serving.origin === 'self-signed') return this.#selfSigned();
    try {
      return await readPair(serving);
    } catch (error) {
      // The certificate that was asked for has to be approved, which may take days; logs are worth something before.
      if (serving.origin === 'bootstrap' && isMissing(error)) return this.#inMemory();
      throw error;
    }
  }

  /** Kept over restarts, as the kubelet's, but not past its time, nor when the node gets another address. */
  async #selfSigned(): Promise<KeyPair> {
    const { serving } = this.#options;
    const kept = await readPair(serving).catch(() => undefined);
    if (kept !== undefined && this.#isGood(kept)) return kept;
    const made = this.#make();
    await writeFileAtomic(serving.key, made.key, { mode: 0o600 });
    await writeFileAtomic(serving.cert, made.cert, { mode: 0o644 });
    return made;
  }

  #inMemory(): KeyPair {
    if (this.#standIn === undefined || !this.#isGood(this.#standIn)) this.#standIn = this.#make();
    return this.#standIn;
  }

  #make(): KeyPair {
    const hosts = this.#options.hosts();
    this.#madeFor = hosts.join();
    return renderSelfSigned(hosts, this.#options.now());
  }

  #isGood(pair: KeyPair): boolean {
    const hosts = this.#options.hosts();
    return isGood(pair, this.#options.now()) && (this.#madeFor === hosts.join() || hasAddresses(pair, hosts));
  }
}

async function readPair({ cert, key }: ServingFiles): Promise<KeyPair> {
  const [certText, keyText] = await Promise.all([readFile(cert, 'utf8'), readFile(key, 'utf8')]);
  return { cert: certText, key: keyText };
}

const renewBeforeMs = 24 * 3_600_000;

function isGood({ cert }: KeyPair, now: number): boolean {
  try {
    return Date.parse(new X509Certificate(cert).validTo) - renewBeforeMs > now;
  } catch {
    return false;
  }
}

function hasAddresses({ cert }: KeyPair, hosts: readonly string[]): boolean {
  const certificate = new X509Certificate(cert);
  return hosts.every((host) => isIP(host) === 0 || certificate.checkIP(host) !== undefined);
}

async function readClientCa(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8');
  new X509Certificate(text); // Throws for what is no certificate.
  return text;
}

const isMissing = (error: unknown): boolean => errorCode(error) === 'ENOENT';
