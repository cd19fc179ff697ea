import { messageOf } from '../../cni/index.ts';
import { hasSystemd, install, InstallRefused } from '../install/index.ts';
import type { JoinDeps } from './join.ts';
import type { JoinSettings } from './settings.ts';

/**
 * The end of kubeadm's phase `kubelet-start`: where systemd runs, it runs the daemon with the node's files from now on. The node
 * has joined whether it starts or not.
 *
 * @returns whether systemd runs the daemon
 */
export async function startService(
  { paths, skippedPhases }: Pick<JoinSettings, 'paths' | 'skippedPhases'>,
  { rootDir, dockerHost }: { readonly rootDir?: string | undefined; readonly dockerHost?: string | undefined },
  { clock, say }: Pick<JoinDeps, 'clock' | 'say'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (skippedPhases.has('kubelet-start') || !(await hasSystemd())) return false;
  const args = [
    ...(rootDir === undefined ? [] : [`--root-dir=${rootDir}`]),
    ...(dockerHost === undefined ? [] : [`--docker-host=${dockerHost}`]),
  ];
  const told = { clock, say: (line: string) => say(`[kubelet-start] ${line}`) };
  try {
    return await install({ cluster: { ...paths, args }, start: true, isDryRun: false }, told, signal);
  } catch (error) {
    signal.throwIfAborted();
    told.say(`The service cannot be made: ${messageOf(error)}`);
    if (error instanceof InstallRefused) told.say(`  fix: ${error.advice}; then podwright install`);
    return false;
  }
}
