import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Exec, ExecFailure, messageOf } from '../../cni/index.ts';
import type { Config } from '../config/index.ts';
import { type DumpItem, dumpItems } from './items-plan.ts';
import { redactJson, redactText } from './redact.ts';

export interface DumpDeps {
  readonly exec: Exec;
  /** The JSON that the daemon answers to a GET on its local API. */
  readonly ask: (path: string) => Promise<unknown>;
  /** How the daemon would be configured by the flags given. */
  readonly config: Config;
  readonly versions: Readonly<Record<string, string>>;
}

/** A program that hangs, as `df` on a dead NFS server does, must not hold up the rest. Milliseconds. */
const timeoutMs = 20_000;

/**
 * Writes an archive of the state of podwright and of its host, without secrets, for its owner only.
 *
 * @param file `.tar.gz`; must not exist
 * @returns what could not be collected, and why
 */
export async function writeDump(file: string, deps: DumpDeps, signal: AbortSignal): Promise<readonly string[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'podwright-support-'));
  const root = basename(file).replace(/\.tar\.gz$/, '');
  try {
    const missing = await fill(join(scratch, root), deps, signal);
    await writeFile(file, '', { flag: 'wx', mode: 0o600 });
    await deps.exec({ file: 'tar', args: ['-czf', file, '-C', scratch, root] }, signal);
    return missing;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fill(directory: string, deps: DumpDeps, signal: AbortSignal): Promise<readonly string[]> {
  const put = async (name: string, text: string): Promise<void> => {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, text, { mode: 0o600 });
  };
  await put('versions.json', json(deps.versions));
  await put('configuration.json', json(redactJson(deps.config)));
  const missing: string[] = [];
  for (const item of dumpItems(deps.config)) {
    const content = await contentOf(item, deps, signal);
    if (content.text !== undefined) await put(item.name, content.text);
    if (content.problem !== undefined) missing.push(`${item.name}: ${content.problem}`);
  }
  await put('missing.txt', missing.map((line) => `${line}\n`).join(''));
  return missing;
}

interface Content {
  readonly text?: string;
  readonly problem?: string;
}

async function contentOf(item: DumpItem, { exec, ask }: DumpDeps, signal: AbortSignal): Promise<Content> {
  try {
    if ('ask' in item) return { text: json(redactJson(await ask(item.ask))) };
    if ('read' in item) return { text: redactText(await readFile(item.read, 'utf8')) };
    const [file, ...args] = item.command;
    return { text: redactText((await exec({ file, args, timeoutMs }, signal)).stdout) };
  } catch (error) {
    signal.throwIfAborted();
    const problem = redactText(messageOf(error));
    // `systemctl status` of a service that has failed exits with 3, and says why on standard output.
    return error instanceof ExecFailure && error.stdout !== ''
      ? { text: redactText(error.stdout), problem }
      : { problem };
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
