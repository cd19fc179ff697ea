import { runIn } from '../lab/run-in.ts';

/** Ends a fault. */
export type End = () => void | Promise<void>;

/** A host, or the control plane. */
interface Machine {
  readonly netns: string;
}

export async function cut(machine: Machine, link: string): Promise<End> {
  await setLink(machine, link, 'down');
  return async () => setLink(machine, link, 'up');
}

async function setLink({ netns }: Machine, link: string, state: 'up' | 'down'): Promise<void> {
  const { exitCode, stderr } = await runIn({ netns }, 'ip', ['link', 'set', link, state]);
  if (exitCode !== 0) throw new Error(`link ${link} cannot be set ${state}: ${stderr}`);
}
