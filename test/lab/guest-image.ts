import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type ArchiveFile, cpio } from './guest-cpio.ts';

/** What a guest boots. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
}

const kernelDirectory = process.env['PODWRIGHT_GUEST_KERNEL'] ?? '/var/tmp/podwright-guest-kernel';
const cacheDirectory = '/var/tmp/podwright-guest-cache';

/** Modules that the kernel does not load by itself in a guest without modprobe; those that they need are added. */
const modules = [
  ...['rr', 'wrr', 'lc', 'wlc', 'dh', 'sh', 'sed', 'nq', 'mh'].map((scheduler) => `ip_vs_${scheduler}`),
  ...['hash_ip', 'hash_ipport', 'hash_ipportip', 'hash_ipportnet', 'bitmap_port'].map((type) => `ip_set_${type}`),
  ...['xt_set', 'xt_ipvs', 'xt_comment', 'xt_mark', 'xt_conntrack', 'xt_addrtype', 'xt_physdev', 'xt_tcpudp'],
  ...['xt_MASQUERADE', 'xt_nat', 'ipt_REJECT', 'ip6t_REJECT', 'nft_compat', 'nft_chain_nat', 'nf_tables'],
  ...['dummy', 'veth', 'bridge', 'br_netfilter', 'virtio_pci', 'virtio_console'],
];

const programs = ['ip', 'ipvsadm', 'ipset', 'perl', 'xtables-nft-multi'];
const xtablesNames = ['iptables', 'ip6tables'].flatMap((name) => ['', '-save', '-restore'].map((end) => name + end));

/** Builds the image of today's programs and modules, or finds it in the cache: its name is the hash of all that is in it. */
export function buildGuestImage(): GuestImage {
  if (!existsSync(join(kernelDirectory, 'boot')))
    throw new Error(`no kernel for test guests in ${kernelDirectory}: run test/setup.sh`);
  const boot = readdirSync(join(kernelDirectory, 'boot')).find((name) => name.startsWith('vmlinuz-')) ?? '';
  const archive = cpio([...moduleFiles(boot.replace('vmlinuz-', '')), ...programFiles(), ...initFiles()]);
  const initrd = join(cacheDirectory, `${createHash('sha256').update(archive).digest('hex').slice(0, 32)}.gz`);
  if (!existsSync(initrd)) {
    mkdirSync(cacheDirectory, { recursive: true });
    writeFileSync(`${initrd}.${process.pid}`, gzipSync(archive, { level: 1 }));
    renameSync(`${initrd}.${process.pid}`, initrd);
  }
  return { kernel: join(kernelDirectory, 'boot', boot), initrd };
}

function initFiles(): ArchiveFile[] {
  const init = readFileSync(fileURLToPath(new URL('guest-init.sh', import.meta.url)));
  const net = readFileSync(fileURLToPath(new URL('guest-net.pl', import.meta.url)));
  return [
    { path: 'init', content: init, mode: 0o755 },
    { path: 'opt/guest-net.pl', content: net, mode: 0o644 },
    // ipset looks names of protocols up.
    { path: 'etc/protocols', content: Buffer.from('tcp 6 TCP\nudp 17 UDP\nsctp 132 SCTP\n'), mode: 0o644 },
    { path: 'bin/busybox', content: readFileSync(programPath('busybox')), mode: 0o755 },
  ];
}

/** The programs with the libraries that they load, at the same paths as here. */
function programFiles(): ArchiveFile[] {
  const paths = programs.map(programPath);
  const xtables = process.env['XTABLES_LIBDIR'] ?? '/usr/lib/x86_64-linux-gnu/xtables';
  const plugins = readdirSync(xtables).map((name) => join(xtables, name));
  const libraries = new Set([...paths, ...plugins.slice(0, 1)].flatMap(librariesOf));
  const alias = xtablesNames.map((name) => ({
    path: `opt/bin/${name}`,
    content: Buffer.from(`#!/bin/sh\nexec /opt/bin/xtables-nft-multi ${name} "$@"\n`),
    mode: 0o755,
  }));
  return [
    ...paths.map((path) => ({ path: `opt/bin/${basename(path)}`, content: readFileSync(path), mode: 0o755 })),
    ...plugins.map((path) => ({ path: `opt/xtables/${basename(path)}`, content: readFileSync(path), mode: 0o644 })),
    ...perlFiles(),
    ...[...libraries].map((path) => ({ path: path.slice(1), content: readFileSync(path), mode: 0o755 })),
    ...alias,
  ];
}

/** Debian's smallest set of modules (package perl-base), without the tables of Unicode. */
function perlFiles(): ArchiveFile[] {
  const root = '/usr/lib/x86_64-linux-gnu/perl-base';
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:pm|so)$/.test(path) && !path.startsWith('unicore'))
    .map((path) => ({ path: join(root, path).slice(1), content: readFileSync(join(root, path)), mode: 0o644 }));
}

const programPath = (name: string): string => {
  const path = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].map((folder) => join(folder, name)).find(existsSync);
  if (path === undefined) throw new Error(`no program ${name} for test guests: run test/setup.sh`);
  return path;
};

function librariesOf(path: string): string[] {
  const text = execFileSync(programPath('ldd'), [path], { encoding: 'utf8' });
  return Array.from(text.matchAll(/(\/\S+) \(0x/g), ([, library = '']) => library).filter(
    (name) => realpathSync(name) !== '',
  );
}

/** The modules and those that they need, and the order in which they can be loaded. */
function moduleFiles(release: string): ArchiveFile[] {
  const root = join(kernelDirectory, 'lib/modules', release, 'kernel');
  const paths = new Map(
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [nameOf(path), join(root, path)]),
  );
  const found = new Map<string, Buffer>();
  const add = (name: string): void => {
    const path = paths.get(nameOf(name));
    if (path === undefined || found.has(nameOf(name))) return;
    const content = readFileSync(path);
    for (const needed of dependenciesOf(content)) add(needed);
    found.set(nameOf(name), content);
  };
  for (const name of modules) add(name);
  const order = [...found.keys()].map((name) => `${name}.ko\n`).join('');
  return [
    ...[...found].map(([name, content]) => ({ path: `modules/${name}.ko`, content, mode: 0o644 })),
    { path: 'modules/order', content: Buffer.from(order), mode: 0o644 },
  ];
}

/** In names of modules, `-` and `_` are the same. */
const nameOf = (path: string): string => basename(path, '.ko').replaceAll('-', '_');

/** The section `.modinfo` of a module holds texts `key=value` that end with a zero byte. */
function dependenciesOf(content: Buffer): string[] {
  const [, names = ''] = /\0depends=([^\0]*)\0/.exec(content.toString('latin1')) ?? [];
  return names.split(',').filter((name) => name !== '');
}
