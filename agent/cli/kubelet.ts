import { messageOf } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';
import { likeKubelet } from '../version.ts';
import { type KubeletArguments, KubeletFlagError, readKubeletArguments } from './kubelet/arguments-plan.ts';
import type { Flags } from '../config/index.ts';
import { readConfig } from './flags.ts';
import { interruptible } from './interruptible.ts';
import { run } from './run.ts';

/**
 * Podwright under the kubelet's name, for those that drive a kubelet: its flags, its version, its way to a certificate.
 *
 * @returns the exit code
 */
export async function kubelet(words: readonly string[]): Promise<number> {
  const asked = read(words);
  if (asked === undefined) return 1;
  switch (asked.asks) {
    case 'help':
      process.stdout.write(
        'podwright as the kubelet: its flags are those of the kubelet. See also: podwright run --help\n',
      );
      return 0;
    case 'version':
      process.stdout.write(`Kubernetes ${likeKubelet}\n`);
      return 0;
    case 'raw-version':
      process.stdout.write(`${JSON.stringify({ gitVersion: likeKubelet, platform: `linux/${process.arch}` })}\n`);
      return 0;
    case 'run':
      return runNode(asked);
  }
}

/**
 * `podwright run` with flags that only the kubelet has.
 *
 * @param own the daemon's own flags
 * @param words the kubelet's
 * @returns the exit code
 */
export async function runWithKubeletFlags(own: Flags, words: readonly string[]): Promise<number> {
  const asked = read(words);
  if (asked?.asks !== 'run') return 2;
  return runNode({ ...asked, flags: { ...asked.flags, ...own } });
}

function read(words: readonly string[]): KubeletArguments | undefined {
  try {
    return readKubeletArguments(words);
  } catch (error) {
    if (!(error instanceof KubeletFlagError)) throw error;
    process.stderr.write(`Error: failed to parse kubelet flag: ${error.message}\n`);
    return undefined;
  }
}

async function runNode({ flags, bootstrapKubeconfig, warnings }: KubeletArguments): Promise<number> {
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  if (bootstrapKubeconfig !== undefined) {
    const loaded = await readConfig(flags);
    if (loaded === undefined) return 1;
    const { kubeconfig, rootDir, nodeName } = loaded.config;
    const isReady =
      kubeconfig === undefined || (await bootstrap({ kubeconfig, bootstrapKubeconfig, rootDir, nodeName }));
    if (!isReady) return 1;
  }
  return (await run(flags)) === 0 ? 0 : 1;
}

type Files = Readonly<Record<'kubeconfig' | 'bootstrapKubeconfig' | 'rootDir' | 'nodeName', string>>;

async function bootstrap(files: Files): Promise<boolean> {
  const [{ ensureKubeconfig }, { connectWith }] = await Promise.all([
    import('../bootstrap/kubelet-bootstrap.ts'),
    import('../bootstrap/connect.ts'),
  ]);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    const connect = connectWith(systemClock);
    await interruptible(new Error('stopped'), (signal) =>
      ensureKubeconfig({ ...files, clock: systemClock, connect, say }, signal),
    );
    return true;
  } catch (error) {
    say(`Error: ${messageOf(error)}`);
    return false;
  }
}
