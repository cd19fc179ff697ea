import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootMachine, type Guest } from './guest.ts';

/** A Debian system in a virtual machine, with systemd and Docker. Its disk outlives a boot. */
export interface SystemMachine {
  /** Starts the machine; it must be off. */
  boot(): Promise<Guest>;
  /** Removes the disk; the machine must be off. */
  remove(): void;
}

/** Docker, two Node.js processes and some pods. */
const memory = '1536';

/** Software emulation works everywhere; `kvm` makes minutes seconds where a machine lends its processor. */
const accelerator = process.env['PODWRIGHT_SYSTEM_ACCELERATOR'] ?? 'tcg';

/** @param files directory whose tree is unpacked over the root directory at the first boot */
export function createSystemMachine(files: string): SystemMachine {
  const script = fileURLToPath(new URL('../system/image.sh', import.meta.url));
  const [kernel = '', initrd = '', base = ''] = execFileSync('bash', [script], { encoding: 'utf8' }).split('\n');
  const directory = mkdtempSync(join(tmpdir(), 'pw-system-'));
  const [disk, archive] = [join(directory, 'disk'), join(directory, 'files.tar')];
  execFileSync('cp', ['--sparse=always', '--reflink=auto', base, disk]);
  execFileSync('tar', ['--create', '--owner=0', '--group=0', '--file', archive, '--directory', files, '.']);
  const drive = (path: string): string[] => ['-drive', `file=${path},format=raw,if=virtio,cache=unsafe`];
  return {
    boot: () =>
      bootMachine([
        ...['-kernel', kernel, '-initrd', initrd, '-m', memory, '-smp', '2', ...drive(disk), ...drive(archive)],
        ...['-append', 'console=ttyS0 root=/dev/vda rw quiet panic=-1'],
        ...['-accel', accelerator, '-cpu', 'max'],
      ]),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
