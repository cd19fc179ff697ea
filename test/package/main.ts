import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { shapeOf } from '../../agent/cli/completion.ts';
import { renderCompletion } from '../../agent/cli/completion/render.ts';
import { createProgram } from '../../agent/cli/program.ts';
import {
  criServiceUnit,
  criSocketUnit,
  renderCriService,
  renderCriSocket,
  renderUnit,
  unitName,
} from '../../agent/install/unit-render.ts';
import { renderManual } from './man-render.ts';

/*
 * Makes the Debian package of what `npm run build` has made, and prints its path: `npm run package [-- directory]`. It works
 * on every architecture that Node.js runs on.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Readonly<
  Record<'version' | 'description' | 'license', string>
>;

const control = `Package: podwright
Version: ${version}
Architecture: all
Section: admin
Priority: optional
Maintainer: The podwright developers <podwright@localhost>
Depends: nodejs (>= 20.19), iproute2, util-linux, nftables | iptables
Recommends: docker.io | docker-ce, conntrack, ipset, systemd
Description: ${description}
 One daemon that makes a host with Docker a Kubernetes node: it runs static
 pods from a directory and the pods of a cluster, builds their network, and
 makes Services answer.
`;

/** The service is not started by the installation: what it would run, and for whom, is for the administrator to say. */
const afterInstall = `#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
`;

const beforeRemoval = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop podwright.service podwright-cri.socket podwright-cri.service || true; fi
`;

async function stage(tree: string): Promise<void> {
  const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content, { mode });
  };
  const packed = (path: string): Uint8Array => gzipSync(readFileSync(join(root, path)), { level: 9 });
  const program = await createProgram(undefined);
  put('DEBIAN/control', control);
  put('DEBIAN/postinst', afterInstall, 0o755);
  put('DEBIAN/prerm', beforeRemoval, 0o755);
  cpSync(join(root, 'dist'), join(tree, 'usr/lib/podwright'), { recursive: true });
  cpSync(join(root, 'manifests'), join(tree, 'usr/share/doc/podwright/manifests'), { recursive: true });
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/podwright/podwright.js', join(tree, 'usr/bin/podwright'));
  const settings = { node: '/usr/bin/node', program: '/usr/lib/podwright/podwright.js' };
  const putUnit = (name: string, unit: string): void => put(`lib/systemd/system/${name}`, unit.replace(/^#.*\n/, ''));
  putUnit(unitName, renderUnit(settings));
  putUnit(criSocketUnit, renderCriSocket());
  putUnit(criServiceUnit, renderCriService(settings));
  put('usr/share/bash-completion/completions/podwright', renderCompletion('bash', shapeOf(program)));
  put('usr/share/zsh/vendor-completions/_podwright', renderCompletion('zsh', shapeOf(program)));
  put('usr/share/man/man8/podwright.8.gz', gzipSync(renderManual(program, version), { level: 9 }));
  put('usr/share/doc/podwright/README.md.gz', packed('README.md'));
  put('usr/share/doc/podwright/changelog.gz', packed('CHANGELOG.md'));
  put('usr/share/doc/podwright/copyright', `License: ${license}\n`);
}

async function main(directory: string): Promise<void> {
  const file = join(resolve(directory), `podwright_${version}_all.deb`);
  const tree = mkdtempSync(join(tmpdir(), 'podwright-package-'));
  try {
    await stage(tree);
    execFileSync('chmod', ['-R', 'u+rwX,go+rX,go-w', tree]);
    execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, file], { stdio: ['ignore', 'ignore', 'inherit'] });
    process.stdout.write(`${file}\n`);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

await main(process.argv[2] ?? '.');
