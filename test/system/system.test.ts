import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Guest, guestProblem } from '../lab/guest.ts';
import { installPackage } from '../lab/package.ts';
import { createSystemMachine, type SystemMachine } from '../lab/system-guest.ts';

/** Beside its data, each pod keeps a record: when it begins, when its hook runs, and when it is told to end. */
const manifest = `apiVersion: v1
kind: Pod
metadata:
  name: keeper
  namespace: default
spec:
  terminationGracePeriodSeconds: 20
  containers:
    - name: main
      image: busybox:test
      imagePullPolicy: Never
      command: [/bin/busybox, sh, -c]
      args:
        - |
          trap 'echo term >>/data/record; exit 0' TERM
          echo begin >>/data/record; echo begin >>/scratch/record
          while :; do /bin/busybox sleep 1; done
      lifecycle:
        preStop:
          exec: { command: [/bin/busybox, sh, -c, 'echo hook >>/data/record'] }
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: scratch, mountPath: /scratch }
  volumes:
    - name: data
      hostPath: { path: /srv/keeper, type: DirectoryOrCreate }
    - name: scratch
      emptyDir: {}
`;

/** Emulation is slow: some thousand times the time that each step needs on hardware. */
const PATIENCE_SECONDS = 300;

let stage: string;
let machine: SystemMachine;
let guest: Guest;

/** Runs until it succeeds; fails with the daemon's log. */
async function until(condition: string): Promise<void> {
  const script = `end=$((SECONDS + ${PATIENCE_SECONDS}))
until { ${condition}; } >/tmp/until 2>&1; do
  if [ $SECONDS -ge $end ]; then
    cat /tmp/until; systemctl status podwright --no-pager; journalctl -u podwright --no-pager | tail -n 40; exit 1
  fi
  sleep 1
done`;
  const { exitCode, stdout, stderr } = await guest.run(script, (PATIENCE_SECONDS + 60) * 1_000);
  if (exitCode !== 0) throw new Error(`never true: ${condition}\n${stdout}${stderr}`);
}

const check = async (script: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await guest.run(script, PATIENCE_SECONDS * 1_000);
  if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stdout}${stderr}`);
  return stdout.trim();
};

const running = `docker ps --filter label=io.kubernetes.container.name=main --format '{{.ID}}' | grep .`;
const mainPid = 'systemctl show podwright -P MainPID';

async function reboot(): Promise<void> {
  await guest.run('systemctl reboot --no-block').catch(() => undefined);
  await guest.ended;
  await guest.stop();
  guest = await machine.boot();
}

beforeAll(async () => {
  if (guestProblem !== undefined) return;
  stage = mkdtempSync(join(tmpdir(), 'pw-stage-'));
  mkdirSync(join(stage, 'usr', 'bin'), { recursive: true });
  installPackage(join(stage, 'usr'));
  copyFileSync(process.execPath, join(stage, 'usr', 'bin', 'node'));
  machine = createSystemMachine(stage);
  guest = await machine.boot();
  await check(`tar --extract --directory / --file /dev/vdb
    mkdir -p /etc/kubernetes/manifests /tmp/image/bin && cp /bin/busybox /tmp/image/bin
    cd /tmp/image && ln -s busybox bin/sh && ln -s busybox bin/echo && tar --create . | docker import - busybox:test`);
});

afterAll(async () => {
  await guest?.stop();
  machine?.remove();
  if (stage !== undefined) rmSync(stage, { recursive: true, force: true });
});

describe.skipIf(guestProblem !== undefined)('a Debian system', () => {
  test('podwright install beside a kubelet is refused, and makes nothing', async () => {
    await check('systemd-run --quiet --unit=kubelet sleep infinity');
    const { exitCode, stderr } = await guest.run('podwright install', PATIENCE_SECONDS * 1_000);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('systemctl disable --now kubelet')]);
    await check('systemctl stop kubelet; ! ls /etc/systemd/system/podwright* 2>/dev/null');
  });

  test('podwright install: the service comes up, and is ready', async () => {
    expect(await check('podwright install')).toContain('Start the service');
    await until('systemctl is-active podwright');
    expect(await check('systemctl is-enabled podwright')).toBe('enabled');
    expect(await check('podwright install')).toContain('The service runs already');
  });

  test('a manifest becomes a pod', async () => {
    await check(`cat >/etc/kubernetes/manifests/keeper.yaml <<'END'\n${manifest}END`);
    await until(running);
    await until('grep begin /srv/keeper/record');
  });

  test('a daemon that is killed comes back; its pod does not notice', async () => {
    const [before, pid] = [await check(running), await check(mainPid)];
    await check(`kill -KILL ${pid}`);
    await until(`systemctl is-active podwright && [ "$(${mainPid})" != ${pid} ]`);
    await until('podwright status | grep keeper');
    expect(await check(running)).toBe(before);
    expect(await check('cat /srv/keeper/record')).toBe('begin');
  });

  test('a daemon that hangs is ended by the watchdog and comes back', async () => {
    const pid = await check(mainPid);
    await check(`kill -STOP ${pid}`);
    await until(`systemctl is-active podwright && [ "$(${mainPid})" != ${pid} ]`);
    expect(await check('journalctl -u podwright --no-pager')).toContain('Watchdog timeout');
    expect(await check('cat /srv/keeper/record')).toBe('begin');
  });

  test('after a reboot the pod runs again, with its data', async () => {
    await reboot();
    await until('systemctl is-active podwright');
    await until(running);
    await until('[ "$(grep -c begin /srv/keeper/record)" = 2 ]');
    // The pod is the same one, so its emptyDir is, too.
    expect(await check('cat /var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir/scratch/record')).toBe(
      'begin\nbegin',
    );
  });

  test('before the host shuts down, pods end in order', async () => {
    await check(`cat >/etc/podwright.yaml <<'END'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
shutdownGracePeriod: 120s
END
      echo 'PODWRIGHT_ARGS=--config=/etc/podwright.yaml' >/etc/default/podwright
      systemctl restart podwright`);
    await until('systemd-inhibit --list --no-legend | grep podwright');
    await until('podwright status | grep keeper');
    await check(': >/srv/keeper/record');
    await reboot();
    await until('systemctl is-active podwright');
    await until('grep begin /srv/keeper/record');
    // The hook is podwright's: Docker, which ends containers when the host shuts down, knows of none.
    expect(await check('cat /srv/keeper/record')).toBe('hook\nterm\nbegin');
    expect(await check('cat /etc/systemd/logind.conf.d/99-kubelet.conf')).toContain('InhibitDelayMaxSec=120');
  });

  test('podwright uninstall takes all back, and the pod runs on', async () => {
    await until(running);
    const before = await check(running);
    expect(await check('podwright uninstall')).toContain('/etc/default/podwright stays: you have changed it');
    await check('! ls /etc/systemd/system/podwright* 2>/dev/null');
    expect(await guest.run('systemctl is-active podwright')).toMatchObject({ stdout: 'inactive\n' });
    expect(await check(running)).toBe(before);
    expect(await check('podwright uninstall')).toContain('Nothing of podwright install is here');
  });

  test('podwright reset stops the service, and it starts at no boot', async () => {
    await check('podwright install');
    await until('systemctl is-active podwright');
    expect(await check('podwright reset --dry-run')).toContain('podwright.service');
    await check('systemctl is-active podwright && podwright reset --force');
    expect(await guest.run('systemctl is-active podwright')).toMatchObject({ stdout: 'inactive\n' });
    expect(await guest.run('systemctl is-enabled podwright')).toMatchObject({ stdout: 'disabled\n' });
    expect(await check('docker ps --all --quiet')).toBe('');
  });
});
