import type { Exec } from '../../cni/index.ts';
import type { Family } from '../types.ts';

/** Names or paths of the programs of one address family and variant. */
export interface Programs {
  readonly iptables: string;
  readonly save: string;
  readonly restore: string;
}

/** What the host's alternatives choose. */
export const PROGRAMS: Readonly<Record<Family, Programs>> = { 4: programsOf('iptables'), 6: programsOf('ip6tables') };

/** The programs of one variant, whatever the host's alternatives say. */
export function programsOfVariant(family: Family, variant: IptablesVersion['variant']): Programs {
  return programsOf(`${family === 4 ? 'iptables' : 'ip6tables'}-${variant}`);
}

function programsOf(name: string): Programs {
  return { iptables: name, save: `${name}-save`, restore: `${name}-restore` };
}

export interface IptablesVersion {
  /** `1.8.9` */
  readonly version: string;
  /** The part of the kernel that rules go to. The variants do not see each other's rules. */
  readonly variant: 'nft' | 'legacy';
}

/** Asks a program for its version. Rejects when it cannot be run; undefined when the answer is none of iptables. */
export async function readIptablesVersion(
  exec: Exec,
  programs: Programs,
  signal: AbortSignal,
): Promise<IptablesVersion | undefined> {
  return parseVersion((await exec({ file: programs.iptables, args: ['--version'] }, signal)).stdout);
}

/** Before 1.8 there was the legacy variant only, and it did not say so. */
export function parseVersion(text: string): IptablesVersion | undefined {
  const [, version, variant] = /^ip6?tables v(\d+(?:\.\d+)*)(?: \((nf_tables|legacy)\))?/.exec(text) ?? [];
  if (version === undefined) return undefined;
  return { version, variant: variant === 'nf_tables' ? 'nft' : 'legacy' };
}
