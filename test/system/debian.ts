import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Guest, GuestResult } from '../lab/guest.ts';
import { installPackage } from '../lab/package.ts';
import { createSystemMachine, type SystemOptions } from '../lab/system-guest.ts';

/** A Debian system that runs, with podwright as npm installs it. */
export interface Debian {
  /** On the network between the hosts of a run. */
  readonly address: string | undefined;
  /** Runs a script, whatever it comes to. */
  run(script: string): Promise<GuestResult>;
  /** Runs a script that must succeed, and returns what it says. */
  check(script: string): Promise<string>;
  /** Runs a script until it succeeds; fails with the daemon's log. */
  until(condition: string): Promise<void>;
  reboot(): Promise<void>;
  /** Ends and removes it. */
  remove(): Promise<void>;
}

export interface DebianOptions extends Omit<SystemOptions, 'files'> {
  /** Paths of programs for `/usr/bin`. */
  readonly programs?: readonly string[];
}

/** Emulation is slow: some thousand times the time that each step needs on hardware. */
const PATIENCE_SECONDS = 300;

/** Boots a machine that has podwright, Node.js and the image `podwright-test/busybox:1`. */
export async function bootDebian({ programs = [], ...options }: DebianOptions = {}): Promise<Debian> {
  const files = mkdtempSync(join(tmpdir(), 'pw-stage-'));
  const bin = join(files, 'usr', 'bin');
  mkdirSync(bin, { recursive: true });
  installPackage(join(files, 'usr'));
  copyFileSync(process.execPath, join(bin, 'node'));
  for (const program of programs) copyFileSync(program, join(bin, basename(program)));
  const machine = await createSystemMachine({ ...options, files });
  rmSync(files, { recursive: true });
  let guest: Guest | undefined;
  const remove = async (): Promise<void> => {
    await guest?.stop();
    machine.remove();
  };
  try {
    guest = await machine.boot();
    await check(guest, unpack);
  } catch (error) {
    await remove();
    throw error;
  }
  const running = (): Guest => {
    if (guest === undefined) throw new Error('the machine is off');
    return guest;
  };
  return {
    address: machine.address,
    run: (script) => running().run(script, PATIENCE_SECONDS * 1_000),
    check: (script) => check(running(), script),
    until: (condition) => untilTrue(running(), condition),
    reboot: async () => {
      const before = running();
      await before.run('systemctl reboot --no-block').catch(() => undefined);
      await before.ended;
      await before.stop();
      guest = undefined;
      guest = await machine.boot();
    },
    remove,
  };
}

/** The root directory keeps its mode, by which others than root can enter it. */
const unpack = `tar --extract --no-overwrite-dir --directory / --file /dev/vdb
mkdir -p /etc/kubernetes/manifests /tmp/image/bin && cp /bin/busybox /tmp/image/bin && cd /tmp/image/bin
for applet in $(./busybox --list); do [ -e $applet ] || ln -s busybox $applet; done
cd .. && tar --create . | docker import - podwright-test/busybox:1`;

async function check(guest: Guest, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await guest.run(script, PATIENCE_SECONDS * 1_000);
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stdout}${stderr}`);
  return stdout.trim();
}

async function untilTrue(guest: Guest, condition: string): Promise<void> {
  const script = `end=$((SECONDS + ${PATIENCE_SECONDS}))
until { ${condition}; } >/tmp/until 2>&1; do
  if [ $SECONDS -ge $end ]; then
    cat /tmp/until; systemctl status podwright kubelet --no-pager
    journalctl -u podwright -u kubelet --no-pager | tail -n 40; exit 1
  fi
  sleep 1
done`;
  const { exitCode, stdout, stderr } = await guest.run(script, (PATIENCE_SECONDS + 60) * 1_000);
  if (exitCode !== 0) throw new Error(`never true: ${condition}\n${stdout}${stderr}`);
}
