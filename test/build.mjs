// Bundles the daemon and CLI into dist/: podwright.js, the chunks that it loads on demand, and the pause binaries.
import { build } from 'esbuild';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/**
 * Packages that dockerode loads for Docker over SSH and for BuildKit sessions. Podwright uses neither; without them the
 * bundle has no native addon (ssh2's stops bundlers) and starts in half the time.
 */
const unused = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/;

const emptyModules = {
  name: 'empty-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'empty' }));
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

/** What the API client takes from undici. The whole package brings fetch, WebSocket, caches and mocks. */
const undici = `
  const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
  Dispatcher.prototype.request = require('undici/lib/api/api-request.js');
  exports.Agent = require('undici/lib/dispatcher/agent.js');
`;

/** Packages of which a part is enough. The parts left out here would be a quarter of what a start loads. */
const partsOfPackages = {
  name: 'parts-of-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ path }) => ({ path, namespace: 'part' }));
    onLoad({ filter: /.*/, namespace: 'part' }, () => ({ contents: undici, loader: 'js', resolveDir: root }));
    // Messages in other languages.
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};', loader: 'js' }));
  },
};

/** CommonJS packages in an ES module bundle still ask for `require`, `__filename` and `__dirname`. */
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __fileURLToPath } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  "const __filename = __fileURLToPath(import.meta.url), __dirname = __fileURLToPath(new URL('.', import.meta.url));",
].join('\n');

async function bundle() {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { podwright: 'agent/main.ts' },
    outdir: dist,
    write: false,
    bundle: true,
    splitting: true,
    // Beside the entry point, where code in a chunk looks for files such as the pause binaries.
    chunkNames: '[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    banner: { js: banner },
    define: { __PODWRIGHT_VERSION__: JSON.stringify(version) },
    plugins: [emptyModules, partsOfPackages],
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, contents }) => ({ path, content: contents }));
}

async function pauseBinaries() {
  const directory = join(root, 'agent/images/pause');
  const names = (await readdir(directory)).filter((name) => /^pause-(amd64|arm64)$/.test(name));
  return Promise.all(
    names.map(async (name) => ({ path: join(dist, name), content: await readFile(join(directory, name)) })),
  );
}

/** A daemon or a test may be reading the old file: it is replaced whole. */
async function replace({ path, content }, mode) {
  const temporary = join(dist, `.${basename(path)}-${process.pid}`);
  await writeFile(temporary, content, { mode });
  await rename(temporary, path);
}

async function removeStale(current) {
  const names = (await readdir(dist)).filter((name) => !name.startsWith('.')); // dot: a build beside this one
  const stale = names.map((name) => join(dist, name)).filter((path) => !current.has(path));
  await Promise.all(stale.map((path) => rm(path, { recursive: true, force: true })));
}

const entry = join(dist, 'podwright.js');
const files = [...(await bundle()), ...(await pauseBinaries())];
await mkdir(dist, { recursive: true });
// The entry point comes last: until then the old one finds its old chunks.
for (const file of files.filter(({ path }) => path !== entry)) await replace(file, 0o644);
for (const file of files.filter(({ path }) => path === entry)) await replace(file, 0o755);
await removeStale(new Set(files.map(({ path }) => path)));
