import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootMachine, type Guest } from './guest.ts';
import { bridgeNamespace } from './names.ts';
import { createGuestPort, type GuestPort } from './network.ts';
import { openRun } from './run.ts';

/** A Debian system in a virtual machine, with systemd and Docker. Its disk outlives a boot. */
export interface SystemMachine {
  /** On the network between the hosts of a run; undefined for a machine without a network. */
  readonly address: string | undefined;
  /** Starts the machine; it must be off. */
  boot(): Promise<Guest>;
  /** Removes the disk; the machine must be off. */
  remove(): void;
}

/** Docker, two Node.js processes and some pods. */
const memory = '1536';

/** Software emulation works everywhere; `kvm` makes minutes seconds where a machine lends its processor. */
const accelerator = process.env['PODWRIGHT_SYSTEM_ACCELERATOR'] ?? 'tcg';

export interface SystemOptions {
  /** Directory whose tree is to be unpacked over the root directory, from the archive `/dev/vdb`. */
  readonly files: string;
  /** Whether it is on the network between the hosts of a run, as clusters are. Its uplink leads nowhere else. */
  readonly isOnline?: boolean;
}

export async function createSystemMachine({ files, isOnline = false }: SystemOptions): Promise<SystemMachine> {
  const script = fileURLToPath(new URL('../system/image.sh', import.meta.url));
  const image = execFileSync('bash', [script], { encoding: 'utf8' }).trim().split('\n');
  const directory = mkdtempSync(join(tmpdir(), 'pw-system-'));
  execFileSync('cp', ['--sparse=always', '--reflink=auto', ...image, directory]);
  const [kernel = '', initrd = '', disk = ''] = image.map((path) => join(directory, basename(path)));
  const archive = join(directory, 'files.tar');
  execFileSync('tar', ['--create', '--owner=0', '--group=0', '--file', archive, '--directory', files, '.']);
  const drive = (path: string): string[] => ['-drive', `file=${path},format=raw,if=virtio,cache=unsafe`];
  const uplink = isOnline ? await openUplink() : undefined;
  const append = ['console=ttyS0 root=/dev/vda rw quiet panic=-1', ...(uplink?.append ?? [])].join(' ');
  return {
    address: uplink?.port.address,
    boot: () =>
      bootMachine(
        [
          ...['-kernel', kernel, '-initrd', initrd, '-m', memory, '-smp', '2', ...drive(disk), ...drive(archive)],
          ...['-append', append, '-accel', accelerator, '-cpu', 'max', ...(uplink?.args ?? [])],
        ],
        uplink?.port.netns,
      ),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
      uplink?.release();
    },
  };
}

interface Uplink {
  readonly port: GuestPort;
  /** Of QEMU. */
  readonly args: readonly string[];
  /** Of the kernel: systemd-network-generator(8) makes the network's configuration of it. */
  readonly append: readonly string[];
  release(): void;
}

async function openUplink(): Promise<Uplink> {
  const run = await openRun();
  const port = await createGuestPort(run.nextIndex(), bridgeNamespace(run.id));
  const { address, tap, mac } = port;
  const gateway = address.replace(/\d+$/, '1');
  return {
    port,
    args: [
      ...['-netdev', `tap,id=uplink,ifname=${tap},script=no,downscript=no`],
      ...['-device', `virtio-net-pci,netdev=uplink,mac=${mac},romfile=`],
    ],
    append: ['net.ifnames=0', `ip=${address}::${gateway}:255.255.255.0::eth0:off`],
    release: () => run.release(),
  };
}
