import { ExecaError } from 'execa';
import { ExecFailure, type Exec, type ExecRequest } from '../../../../cni/index.ts';

type Chains = Map<string, { policy: string; rules: string[] }>;

const builtIn: Readonly<Record<string, readonly string[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

const targets = new Set(['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'MARK', 'MASQUERADE', 'DNAT']);

/** The tables of a kernel, and the programs of iptables upon it. It refuses what they refuse. */
export interface FakeKernel {
  readonly exec: Exec;
  /** Programs that were run, with their input. */
  readonly runs: ExecRequest[];
  /** As `iptables-save` prints it, with chains in the order of their names. */
  dump(): string;
  /** Feeds `iptables-restore --noflush`. */
  restore(input: string): void;
  /** Makes the next restore fail, after its first table when there are several. */
  failNext(): void;
}

export function createFakeKernel(): FakeKernel {
  const tables = new Map<string, Chains>(
    Object.entries(builtIn).map(([table, names]) => [
      table,
      new Map(names.map((name) => [name, { policy: 'ACCEPT', rules: [] }])),
    ]),
  );
  const runs: ExecRequest[] = [];
  let fails = false;

  const dump = (): string => [...tables].map(([table, chains]) => `*${table}\n${dumpChains(chains)}COMMIT\n`).join('');

  const restore = (input: string): void => {
    for (const section of input.split('COMMIT\n').filter((text) => text !== '')) {
      const [head = '', ...lines] = section.trimEnd().split('\n');
      const table = head.slice(1);
      const next = new Map(
        [...(tables.get(table) ?? [])].map(([name, { policy, rules }]) => [name, { policy, rules: [...rules] }]),
      );
      for (const line of lines) applyLine(next, line);
      tables.set(table, next);
      if (fails) {
        fails = false;
        throw new Error('line 1 failed');
      }
    }
  };

  return {
    runs,
    dump,
    restore,
    failNext: () => {
      fails = true;
    },
    exec: ({ inputPieces, ...rest }) => {
      const request = inputPieces === undefined ? rest : { ...rest, input: [...inputPieces].join('') };
      runs.push(request);
      try {
        return Promise.resolve({ stdout: run(request), stderr: '' });
      } catch (error) {
        const { message } = error as Error;
        const said = { exitCode: 1, stderr: message, stdout: '', shortMessage: message, timedOut: false };
        const failure = Object.assign(Object.create(ExecaError.prototype) as ExecaError, said);
        return Promise.reject(new ExecFailure(request, failure));
      }
    },
  };

  function run({ file, args, input = '' }: ExecRequest): string {
    if (file.endsWith('-save')) return dump();
    if (file.endsWith('-restore')) restore(input);
    else if (tables.get(args[args.indexOf('-t') + 1] ?? '')?.has(args.at(-1) ?? '') !== true)
      throw new Error('no chain');
    return '';
  }
}

function dumpChains(chains: Chains): string {
  const sorted = [...chains].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...sorted.map(([name, { policy }]) => `:${name} ${policy} [0:0]\n`),
    ...sorted.flatMap(([name, { rules }]) => rules.map((rule) => `-A ${name} ${rule}\n`)),
  ].join('');
}

function applyLine(chains: Chains, line: string): void {
  const fail = (why: string): never => {
    throw new Error(`${why}: ${line}`);
  };
  const [, created] = /^:(\S+) - \[0:0\]$/.exec(line) ?? [];
  if (created !== undefined) {
    chains.set(created, { policy: '-', rules: [] });
    return;
  }
  const [, verb, name = '', rule = ''] = /^-([AIDX]) (\S+) ?(.*)$/.exec(line) ?? fail('bad line');
  const { policy, rules } = chains.get(name) ?? fail('no such chain');
  if (verb === 'X') {
    const isUsed = [...chains.values()].some((each) => each.rules.some((text) => text.endsWith(`-j ${name}`)));
    if (policy !== '-' || rules.length > 0 || isUsed) fail('chain in use');
    chains.delete(name);
  } else if (verb === 'D') {
    if (!rules.includes(rule)) fail('no such rule');
    rules.splice(rules.indexOf(rule), 1);
  } else {
    const [, target] = / -j (\S+)/.exec(` ${rule}`) ?? [];
    if (target !== undefined && !targets.has(target) && !chains.has(target)) fail('no such target');
    if (verb === 'A') rules.push(rule);
    else rules.unshift(rule);
  }
}
