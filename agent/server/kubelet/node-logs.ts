import { constants } from 'node:fs';
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Exchange, TextError } from './exchange.ts';

/** `GET /logs/…`: files below a directory, lists of what is in one. Links that lead out of it are as if they were not there. */
export async function serveNodeLogs(root: string, { parameters, response, signal }: Exchange): Promise<void> {
  const asked = parameters['*'] ?? '';
  const path = await inside(root, asked);
  // Without blocking: a pipe with no writer must not hold a thread.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(notFound);
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(await listing(path));
    } else if (stats.isFile()) {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
      await send(file, stats.size, response, signal);
    } else {
      throw new TextError(404, '404 page not found\n');
    }
  } finally {
    await file.close();
  }
}

/** As much as there was when it was asked for: a log goes on growing. */
async function send(
  file: FileHandle,
  size: number,
  response: Exchange['response'],
  signal: AbortSignal,
): Promise<void> {
  if (size === 0) response.end();
  else await pipeline(file.createReadStream({ start: 0, end: size - 1, autoClose: false }), response, { signal });
}

async function inside(root: string, asked: string): Promise<string> {
  if (asked.includes('\0')) throw new TextError(400, 'the path has a zero byte');
  const realRoot = await realpath(root).catch(notFound);
  const path = await realpath(join(realRoot, resolve('/', asked))).catch(notFound);
  if (path !== realRoot && !path.startsWith(`${realRoot}${sep}`)) return notFound();
  return path;
}

function notFound(): never {
  throw new TextError(404, '404 page not found\n');
}

async function listing(path: string): Promise<string> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  const links = names.map(
    (name) => `<a href="${encodeURI(name).replaceAll('?', '%3F').replaceAll('#', '%23')}">${escape(name)}</a>\n`,
  );
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links.join('')}</pre>\n`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
