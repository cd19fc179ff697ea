import { type Exec, ExecFailure } from '../../cni/index.ts';
import { LINK } from './names.ts';
import type { Scheduler } from './plan.ts';

interface Probe {
  readonly file: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** What is missing when the program refuses. */
  readonly needs: string;
  /** Debian's name. */
  readonly package: string;
}

/** Nothing uses this firewall mark, so a virtual server for it gets no packets. */
const unusedMark = 0xffff_ffff;

/** Neither is there for longer than the probe. */
const probeSet = 'podwright-probe';
const probeLink = `${LINK.slice(0, 10)}-try`;

const probes = (scheduler: Scheduler): readonly Probe[] => [
  {
    file: 'ipvsadm',
    args: ['-S', '-n'],
    needs: 'the kernel lacks IPVS: load the modules ip_vs and nf_conntrack (modprobe ip_vs)',
    package: 'ipvsadm',
  },
  {
    file: 'ipvsadm',
    args: ['-R'],
    input: `-A -f ${unusedMark} -s ${scheduler}\n-D -f ${unusedMark}\n`,
    needs: `the kernel lacks the scheduler ${scheduler}: load the module ip_vs_${scheduler} (modprobe ip_vs_${scheduler})`,
    package: 'ipvsadm',
  },
  {
    file: 'ipset',
    args: ['restore', '-exist'],
    input: ['hash:ip,port', 'hash:ip,port,ip', 'hash:ip,port,net', 'bitmap:port', 'hash:ip']
      .map((type) => `create ${probeSet} ${type}${type === 'bitmap:port' ? ' range 0-1' : ''}\ndestroy ${probeSet}\n`)
      .join(''),
    needs:
      'the kernel lacks IP sets: load the modules ip_set, ip_set_hash_ip, ip_set_hash_ipport, ip_set_hash_ipportip, ' +
      'ip_set_hash_ipportnet, ip_set_bitmap_port and xt_set',
    package: 'ipset',
  },
  {
    file: 'ipset',
    args: ['restore', '-exist'],
    input: `create ${probeSet} hash:ip,port\nadd ${probeSet} 192.0.2.1,tcp:1\ndestroy ${probeSet}\n`,
    needs: 'ipset does not know the name of a protocol: install /etc/protocols (package netbase)',
    package: 'ipset',
  },
  {
    file: 'ip',
    args: ['-batch', '-'],
    input: `link add ${probeLink} type dummy\nlink delete ${probeLink}\n`,
    needs: 'the kernel lacks links of the type dummy: load the module dummy (modprobe dummy)',
    package: 'iproute2',
  },
];

/**
 * Why Services cannot go by IPVS on this host, and what to do about it; undefined when they can. What it makes to find out has names
 * of its own and is removed at once.
 */
export async function ipvsProblem(
  exec: Exec,
  signal: AbortSignal,
  scheduler: Scheduler = 'rr',
): Promise<string | undefined> {
  for (const probe of probes(scheduler)) {
    const problem = await tryProbe(exec, probe, signal);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function tryProbe(exec: Exec, probe: Probe, signal: AbortSignal): Promise<string | undefined> {
  const { file, args, input, needs } = probe;
  try {
    const { stderr } = await exec({ file, args, ...(input === undefined ? {} : { input }) }, signal);
    // Of several lines, ipvsadm reports the last one only by its exit code.
    return file === 'ipvsadm' && stderr.trim() !== '' ? `${needs}: ${lastLine(stderr)}` : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecFailure)) throw error;
    if (error.notFound) return `the program ${file} is not installed (package ${probe.package})`;
    return `${needs}: ${lastLine(error.stderr) || error.message}`;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
