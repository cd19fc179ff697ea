import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  criServiceUnit,
  criSocketUnit,
  renderClusterDropIn,
  renderCriService,
  renderCriSocket,
  renderUnit,
} from '../../../agent/install/unit-render.ts';

const directory = mkdtempSync(join(tmpdir(), 'pw-units-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const cluster = {
  kubeconfig: '/etc/kubernetes/kubelet.conf',
  kubeletConfig: '/var/lib/kubelet/config.yaml',
  kubeletFlags: '/var/lib/kubelet/kubeadm-flags.env',
};

interface Verdict {
  readonly status: number | null;
  readonly output: string;
}

/** What `systemd-analyze verify` says of the unit with the drop-in. */
function verify(unit: string, dropIn: string): Verdict {
  mkdirSync(join(directory, 'podwright.service.d'), { recursive: true });
  writeFileSync(join(directory, 'podwright.service.d', '10-kubeadm.conf'), dropIn);
  return verifyAll({ 'podwright.service': unit });
}

function verifyAll(units: Readonly<Record<string, string>>): Verdict {
  const paths = Object.entries(units).map(([name, unit]) => {
    const path = join(directory, name);
    writeFileSync(path, unit);
    return path;
  });
  const args = ['verify', '--man=no', '--recursive-errors=no', ...paths];
  const { status, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, output: stderr };
}

test.each(['/usr/bin/podwright', `/opt/50% "off" $HOME/pod\\wright.js`])('systemd takes the units of %s', (program) => {
  const settings = { node: process.execPath, program };
  expect(verify(renderUnit(settings), renderClusterDropIn(cluster))).toEqual({ status: 0, output: '' });
  const cri = { [criSocketUnit]: renderCriSocket(), [criServiceUnit]: renderCriService(settings) };
  expect(verifyAll(cri)).toEqual({ status: 0, output: '' });
});

test('systemd would say what is wrong', () => {
  const unit = renderUnit({ node: '/nowhere/node', program: '/usr/bin/podwright' });
  const { status, output } = verify(`${unit}\n[Service]\nWatchdogSec=soon\n`, renderClusterDropIn(cluster));
  expect(output).toMatch(/Failed to parse sec value, ignoring: soon/);
  expect(output).toMatch(/\/nowhere\/node is not executable/);
  expect(status).not.toBe(0);
});
