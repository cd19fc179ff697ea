import type { Inputs } from '../../../../proxy/ipvs/render.ts';

/**
 * A kernel that holds what the programs wrote, by the words of their inputs only: it knows nothing of the code that renders them. It
 * refuses what the programs refuse.
 */
export function createKernel() {
  const servers = new Map<string, { options: string; readonly reals: Map<string, string> }>();
  const sets = new Map<string, Set<string>>();
  const addresses = new Set<string>();
  const links = new Set<string>();

  const commands: Readonly<Record<string, (words: readonly string[]) => boolean>> = {
    create: ([name = '']) => sets.size === sets.set(name, sets.get(name) ?? new Set()).size || true,
    add: ([name = '', entry = '']) => sets.get(name)?.add(entry) !== undefined,
    del: ([name = '', entry = '']) => sets.get(name)?.delete(entry) !== undefined,
    link: ([, name = '']) => !links.has(name) && links.add(name).size > 0,
    addr: ([verb, address = '']) =>
      links.size > 0 &&
      (verb === 'add' ? !addresses.has(address) && addresses.add(address).size > 0 : addresses.delete(address)),
    '-A': ([option, socket, ...options]) => {
      const service = `${option} ${socket}`;
      return !servers.has(service) && servers.set(service, { options: options.join(' '), reals: new Map() }).size > 0;
    },
    '-E': ([option, socket, ...options]) => {
      const server = servers.get(`${option} ${socket}`);
      if (server !== undefined) server.options = options.join(' ');
      return server !== undefined;
    },
    '-D': ([option, socket]) => servers.delete(`${option} ${socket}`),
    '-a': ([option, socket, , real = '', , , weight = '']) => {
      const reals = servers.get(`${option} ${socket}`)?.reals;
      return reals !== undefined && !reals.has(real) && reals.set(real, weight).size > 0;
    },
    '-e': ([option, socket, , real = '', , , weight = '']) => {
      const reals = servers.get(`${option} ${socket}`)?.reals;
      return reals?.has(real) === true && reals.set(real, weight).size > 0;
    },
    '-d': ([option, socket, , real = '']) => servers.get(`${option} ${socket}`)?.reals.delete(real) === true,
  };

  const run = (input: string): void => {
    for (const line of input.split('\n').filter((text) => text !== '')) {
      const [command = '', ...words] = line.split(' ');
      if (commands[command]?.(words) !== true) throw new Error(`the kernel refuses: ${line}`);
    }
  };
  return {
    run: ({ ipsetAdd, ipvsadm, ip, ipsetDelete }: Inputs): void => [ipsetAdd, ipvsadm, ip, ipsetDelete].forEach(run),
    /** As `ipvsadm -S -n` and `ipset save` print it. */
    saveServers: (): string =>
      [...servers]
        .flatMap(([service, { options, reals }]) => [
          `-A ${service} ${options}\n`,
          ...Array.from(reals, ([real, weight]) => `-a ${service} -r ${real} -m -w ${weight}\n`),
        ])
        .join(''),
    saveSets: (): string =>
      [...sets]
        .flatMap(([name, entries]) => [
          `create ${name} hash:ip,port family inet\n`,
          ...Array.from(entries, (entry) => `add ${name} ${entry}\n`),
        ])
        .join(''),
    /** As `ip -j addr` prints it. */
    saveAddresses: (): string =>
      JSON.stringify(
        Array.from(links, (ifname) => ({
          ifname,
          addr_info: Array.from(addresses, (address) => ({
            family: 'inet',
            local: address.split('/')[0],
            scope: 'global',
          })),
        })),
      ),
  };
}
