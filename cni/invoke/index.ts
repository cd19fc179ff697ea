import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuiltInPlugin, PluginRequest } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import { parseError, parseResult } from '../spec/result.ts';
import { type Exec, ExecFailure } from '../util/exec.ts';
import { type CniCommand, renderConfig, renderEnvironment, renderGcConfig } from './render.ts';

export interface InvokedPluginDeps {
  readonly exec: Exec;
  readonly binDirs: readonly string[];
}

/** A plugin may wait for a network controller; it may not hang for ever. */
const timeoutMs = 60_000;

/** A plugin of somebody else: a program in one of the plugin directories, run by the protocol of the specification. */
export function createInvokedPlugin(type: string, deps: InvokedPluginDeps): BuiltInPlugin {
  const run = async (command: CniCommand, request: PluginRequest, signal: AbortSignal): Promise<string> =>
    invoke(deps, type, renderEnvironment(command, request, deps.binDirs), renderConfig(request), signal);
  return {
    add: async (request, signal) => parseResult(await run('ADD', request, signal)),
    del: async (request, signal) => {
      await run('DEL', request, signal);
    },
    check: async (request, signal) => {
      await run('CHECK', request, signal);
    },
    gc: async (network, config, valid, signal) => {
      const attachments = [...valid].map((key) => {
        const slash = key.indexOf('/');
        return { containerID: key.slice(0, slash), ifname: key.slice(slash + 1) };
      });
      const input = renderGcConfig(config, '1.1.0', network, attachments);
      await invoke(deps, type, renderEnvironment('GC', undefined, deps.binDirs), input, signal);
    },
  };
}

async function invoke(
  { exec, binDirs }: InvokedPluginDeps,
  type: string,
  env: Record<string, string>,
  input: string,
  signal: AbortSignal,
): Promise<string> {
  const file = await findPlugin(type, binDirs);
  try {
    return (await exec({ file, args: [], env, input, timeoutMs }, signal)).stdout;
  } catch (error) {
    if (!(error instanceof ExecFailure)) throw error;
    const told = parseError(error.stdout);
    const message = `plugin ${type} failed (${env['CNI_COMMAND'] ?? ''}): ${told?.message ?? error.message}`;
    const details = [told?.details ?? '', error.stderr].filter((text) => text !== '').join('\n');
    throw new CniError(told?.code ?? cniErrorCode.internal, message, { details, cause: error });
  }
}

async function findPlugin(type: string, binDirs: readonly string[]): Promise<string> {
  for (const directory of binDirs) {
    const path = join(directory, type);
    if (await isExecutable(path)) return path;
  }
  const message = `plugin ${type} is not in ${binDirs.join(', ')}: install it there, or change the network configuration`;
  throw new CniError(cniErrorCode.pluginNotAvailable, message);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
