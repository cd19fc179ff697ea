import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../cni/index.ts';
import type { KeptService, KeptServices } from './types.ts';

/*
 * <rootDir>/podwright/services.json, what Services were given:
 *
 *   {"version":1,"services":{"default/web":{"clusterIps":["10.96.12.7"],"nodePorts":{"http/TCP":30080},"healthCheckNodePort":0}}}
 */

/** Keeps what Services were given over restarts. */
export interface KeptFile {
  /** Empty when there is no file, or none that can be read: Services then mostly get what they had by the way it is chosen. */
  read(): Promise<KeptServices>;
  /** Writes what changed; nothing when nothing did. @throws Error when the file cannot be written */
  write(kept: KeptServices): Promise<void>;
}

/** @param rootDir the kubelet's, `/var/lib/kubelet` */
export function createKeptFile(rootDir: string): KeptFile {
  const path = join(rootDir, 'podwright', 'services.json');
  let written: string | undefined;
  return {
    read: async () => {
      const text = await readFile(path, 'utf8').catch(() => '');
      written = text;
      return parseKept(text);
    },
    write: async (kept) => {
      const text = formatKept(kept);
      if (text === written) return;
      await writeFileAtomic(path, text);
      written = text;
    },
  };
}

export function formatKept(kept: KeptServices): string {
  const services = [...kept].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ version: 1, services: Object.fromEntries(services) })}\n`;
}

/** What can be understood of a file; never throws. */
export function parseKept(text: string): KeptServices {
  try {
    const { version, services } = JSON.parse(text) as { version?: unknown; services?: unknown };
    if (version !== 1 || !isRecord(services)) return new Map();
    return new Map(Object.entries(services).flatMap(([key, value]) => (isKept(value) ? [[key, value] as const] : [])));
  } catch {
    return new Map();
  }
}

function isKept(value: unknown): value is KeptService {
  if (!isRecord(value)) return false;
  const { clusterIps, nodePorts, healthCheckNodePort } = value;
  return (
    Array.isArray(clusterIps) &&
    clusterIps.every((address) => typeof address === 'string') &&
    isRecord(nodePorts) &&
    Object.values(nodePorts).every(Number.isSafeInteger) &&
    Number.isSafeInteger(healthCheckNodePort)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
