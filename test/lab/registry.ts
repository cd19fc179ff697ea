import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { TestHost } from './host.ts';
import { imageFiles, sha256, type TestImage } from './images.ts';
import { namespacePath } from './names.ts';
import type { RegistryMode, RegistryRequest } from './registry-server.ts';

/** An image registry that runs on a test host. */
export interface Registry {
  /** `address:port`, the first part of the names of its images. */
  readonly endpoint: string;
  /** Offers an image, named without the endpoint, e.g. `team/app:1`. Returns its digest. */
  add(image: TestImage): string;
  setMode(mode: RegistryMode): Promise<void>;
  /** What has been asked for so far. */
  requests(): readonly RegistryRequest[];
  /** Also done by removing the host. */
  stop(): void;
}

export interface RegistryOptions {
  /** Default 127.0.0.1; the host's own address to be reached from other hosts. */
  readonly address?: string;
  /** Default 5000. */
  readonly port?: number;
}

/** Starts a registry on `host`. Docker speaks plain HTTP to 127.0.0.0/8, and in the lab to 198.51.100.0/24. */
export async function startRegistry(host: TestHost, options: RegistryOptions = {}): Promise<Registry> {
  const { address = '127.0.0.1', port = 5000 } = options;
  const directory = join(host.dir, `registry-${port}`);
  for (const name of ['manifests', 'blobs']) mkdirSync(join(directory, name), { recursive: true });
  const child = launch(host.netns, [directory, address, String(port)]);
  const requests: RegistryRequest[] = [];
  child.on('message', (message) => {
    if (typeof message === 'object') requests.push(message as RegistryRequest);
  });
  await told(child, 'listening');
  return {
    endpoint: `${address}:${port}`,
    add: (image) => addImage(directory, image),
    setMode: async (mode) => {
      child.send(mode);
      await told(child, 'switched');
    },
    requests: () => requests,
    stop: () => child.disconnect(),
  };
}

function launch(netns: string, args: readonly string[]): ChildProcess {
  const program = fileURLToPath(new URL('./registry-server.ts', import.meta.url));
  const command = [`--net=${namespacePath(netns)}`, process.execPath, '--import', 'tsx', program, ...args];
  return spawn('nsenter', command, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)), // where node finds tsx
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
}

async function told(child: ChildProcess, word: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onExit = (): void => reject(new Error(`the registry ended before it said "${word}"`));
    child.once('exit', onExit);
    child.on('message', function listen(message) {
      if (message !== word) return;
      child.off('message', listen).off('exit', onExit);
      resolve();
    });
  });
}

/** Image manifest version 2, schema 2: what both graph drivers and the containerd store of Docker pull. */
function addImage(directory: string, image: TestImage): string {
  const { config, layer } = imageFiles(image);
  const blob = (mediaType: string, content: Buffer): object => {
    const digest = `sha256:${sha256(content)}`;
    writeFileSync(join(directory, 'blobs', encodeURIComponent(digest)), content);
    return { mediaType, size: content.length, digest };
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: blob('application/vnd.docker.container.image.v1+json', config),
      layers: [blob('application/vnd.docker.image.rootfs.diff.tar.gzip', gzipSync(layer, { level: 1 }))],
    }),
  );
  const digest = `sha256:${sha256(manifest)}`;
  const [repository = '', tag = 'latest'] = image.name.split(':');
  for (const reference of [tag, digest]) {
    writeFileSync(join(directory, 'manifests', encodeURIComponent(`${repository}@${reference}`)), manifest);
  }
  return digest;
}
