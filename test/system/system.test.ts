import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guestProblem } from '../lab/guest.ts';
import { bootDebian, type Debian } from './debian.ts';

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
      image: podwright-test/busybox:1
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

let debian: Debian;

const running = `docker ps --filter label=io.kubernetes.container.name=main --format '{{.ID}}' | grep .`;
const mainPid = 'systemctl show podwright -P MainPID';

beforeAll(async () => {
  if (guestProblem === undefined) debian = await bootDebian();
});

afterAll(async () => debian?.remove());

describe.skipIf(guestProblem !== undefined)('a Debian system', () => {
  test('podwright install beside a kubelet is refused, and makes nothing', async () => {
    await debian.check('systemd-run --quiet --unit=kubelet sleep infinity');
    const { exitCode, stderr } = await debian.run('podwright install');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('systemctl disable --now kubelet')]);
    await debian.check('systemctl stop kubelet; ! ls /etc/systemd/system/podwright* 2>/dev/null');
  });

  test('podwright install: the service comes up, and is ready', async () => {
    expect(await debian.check('podwright install')).toContain('Start the service');
    await debian.until('systemctl is-active podwright');
    expect(await debian.check('systemctl is-enabled podwright')).toBe('enabled');
    expect(await debian.check('podwright install')).toContain('The service runs already');
  });

  test('a manifest becomes a pod', async () => {
    await debian.check(`cat >/etc/kubernetes/manifests/keeper.yaml <<'END'\n${manifest}END`);
    await debian.until(running);
    await debian.until('grep begin /srv/keeper/record');
  });

  test('a daemon that is killed comes back; its pod does not notice', async () => {
    const [before, pid] = [await debian.check(running), await debian.check(mainPid)];
    await debian.check(`kill -KILL ${pid}`);
    await debian.until(`systemctl is-active podwright && [ "$(${mainPid})" != ${pid} ]`);
    await debian.until('podwright status | grep keeper');
    expect(await debian.check(running)).toBe(before);
    expect(await debian.check('cat /srv/keeper/record')).toBe('begin');
  });

  test('a daemon that hangs is ended by the watchdog and comes back', async () => {
    const pid = await debian.check(mainPid);
    await debian.check(`kill -STOP ${pid}`);
    await debian.until(`systemctl is-active podwright && [ "$(${mainPid})" != ${pid} ]`);
    expect(await debian.check('journalctl -u podwright --no-pager')).toContain('Watchdog timeout');
    expect(await debian.check('cat /srv/keeper/record')).toBe('begin');
  });

  test('after a reboot the pod runs again, with its data', async () => {
    await debian.reboot();
    await debian.until('systemctl is-active podwright');
    await debian.until(running);
    await debian.until('[ "$(grep -c begin /srv/keeper/record)" = 2 ]');
    // The pod is the same one, so its emptyDir is, too.
    expect(await debian.check('cat /var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir/scratch/record')).toBe(
      'begin\nbegin',
    );
  });

  test('before the host shuts down, pods end in order', async () => {
    await debian.check(`cat >/etc/podwright.yaml <<'END'
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
shutdownGracePeriod: 120s
END
      sed -i 's|^PODWRIGHT_ARGS=.*|PODWRIGHT_ARGS=--config=/etc/podwright.yaml|' /etc/default/podwright
      systemctl restart podwright`);
    await debian.until('systemd-inhibit --list --no-legend | grep podwright');
    await debian.until('podwright status | grep keeper');
    await debian.check(': >/srv/keeper/record');
    await debian.reboot();
    await debian.until('systemctl is-active podwright');
    await debian.until('grep begin /srv/keeper/record');
    // The hook is podwright's: Docker, which ends containers when the host shuts down, knows of none.
    expect(await debian.check('cat /srv/keeper/record')).toBe('hook\nterm\nbegin');
    expect(await debian.check('cat /etc/systemd/logind.conf.d/99-kubelet.conf')).toContain('InhibitDelayMaxSec=120');
  });

  test('podwright uninstall takes all back, and the pod runs on', async () => {
    await debian.until(running);
    const before = await debian.check(running);
    expect(await debian.check('podwright uninstall')).toContain('/etc/default/podwright stays: you have changed it');
    await debian.check('! ls /etc/systemd/system/podwright* 2>/dev/null');
    expect(await debian.run('systemctl is-active podwright')).toMatchObject({ stdout: 'inactive\n' });
    expect(await debian.check(running)).toBe(before);
    expect(await debian.check('podwright uninstall')).toContain('Nothing of podwright install is here');
  });

  test('podwright reset stops the service, and it starts at no boot', async () => {
    await debian.check('podwright install');
    await debian.until('systemctl is-active podwright');
    expect(await debian.check('podwright reset --dry-run')).toContain('podwright.service');
    await debian.check('systemctl is-active podwright && podwright reset --force');
    expect(await debian.run('systemctl is-active podwright')).toMatchObject({ stdout: 'inactive\n' });
    expect(await debian.run('systemctl is-enabled podwright')).toMatchObject({ stdout: 'disabled\n' });
    expect(await debian.check('docker ps --all --quiet')).toBe('');
  });
});
