import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { nodeName, podNetwork } from './proxy-objects.ts';

export type Variant = 'nft' | 'legacy';

/** A proxy that is measured. */
export interface Subject {
  readonly name: string;
  /** Of the programs iptables that it finds. */
  readonly variant: Variant;
  /** Program and arguments. */
  command(apiPort: number): readonly [file: string, ...args: string[]];
}

export const metricsPort = 10249;

/** @returns the path of the peer; undefined, with the reason told, when it can neither be found nor built */
export function findPeer(say: (text: string) => void): string | undefined {
  try {
    const script = fileURLToPath(new URL('../kubernetes.sh', import.meta.url));
    return execFileSync('bash', [script, 'kube-proxy'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim();
  } catch (error) {
    say(`proxy: skipped, for the peer cannot be built: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

export function peerSubject(file: string, variant: Variant): Subject {
  return {
    ...{ name: `kube-proxy, iptables (${variant})`, variant },
    command: (apiPort) => [
      file,
      `--master=http://127.0.0.1:${apiPort}`,
      `--hostname-override=${nodeName}`,
      '--proxy-mode=iptables',
      `--cluster-cidr=${podNetwork}`,
      '--conntrack-max-per-core=0',
      '--conntrack-tcp-timeout-established=0s',
      '--conntrack-tcp-timeout-close-wait=0s',
      '--iptables-sync-period=1h',
      `--metrics-bind-address=127.0.0.1:${metricsPort}`,
      '--healthz-bind-address=127.0.0.1:10256',
    ],
  };
}

/** @param bundle made by {@link bundlePodwright} */
export function podwrightSubject(bundle: string, mode: 'iptables' | 'nftables', variant: Variant): Subject {
  return {
    ...{ name: mode === 'iptables' ? `podwright, iptables (${variant})` : 'podwright, nftables', variant },
    command: (apiPort) => [process.execPath, bundle, `http://127.0.0.1:${apiPort}`, mode, `127.0.0.1:${metricsPort}`],
  };
}

/** Memory is that of plain code: a loader of TypeScript would be counted in. */
export async function bundlePodwright(directory: string): Promise<string> {
  const outfile = join(directory, 'proxy.mjs');
  const require = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  await build({
    ...{ outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning' },
    entryPoints: [fileURLToPath(new URL('./proxy-podwright.ts', import.meta.url))],
    banner: { js: require },
  });
  return outfile;
}

/** A directory for the PATH in which iptables is of one variant, whatever the machine's alternatives say. */
export function variantDirectory(directory: string, variant: Variant): string {
  const path = join(directory, variant);
  mkdirSync(path);
  for (const family of ['iptables', 'ip6tables']) {
    for (const program of ['', '-save', '-restore']) {
      symlinkSync(`/usr/sbin/${family}-${variant}${program}`, join(path, family + program));
    }
  }
  return path;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'podwright-bench-proxy-'));
}
