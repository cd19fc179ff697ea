import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * The pull half of the registry API v2 (OCI distribution spec), run in a test host's network namespace by registry.ts:
 *
 *     registry-server.ts DIRECTORY ADDRESS PORT
 *
 * DIRECTORY/manifests/<repository>@<reference> and DIRECTORY/blobs/<digest>, each name URI-encoded.
 */

/** How the registry answers; sent by the parent process. */
export type RegistryMode =
  | { readonly kind: 'serve' }
  /** Every request gets this status. */
  | { readonly kind: 'fail'; readonly status: number }
  /** Every request waits without an answer. */
  | { readonly kind: 'hang' }
  /** Basic authentication. */
  | { readonly kind: 'login'; readonly username: string; readonly password: string };

/** A request, told to the parent process. */
export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const [directory = '', address = '', port = ''] = process.argv.slice(2);
let mode: RegistryMode = { kind: 'serve' };

function handle(request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '' } = request;
  process.send?.({ method, path: url } satisfies RegistryRequest);
  const answer = reply(request);
  if (answer === undefined) return;
  response.writeHead(answer.status, { 'docker-distribution-api-version': 'registry/2.0', ...answer.headers });
  response.end(method === 'HEAD' ? undefined : answer.body);
}

/** Undefined: never. */
function reply(request: IncomingMessage): Reply | undefined {
  switch (mode.kind) {
    case 'serve':
      return content(request.url ?? '');
    case 'fail':
      return problem(mode.status, 'UNKNOWN');
    case 'hang':
      return undefined;
    case 'login':
      return isAuthorized(request, mode) ? content(request.url ?? '') : loginRequired();
  }
}

function isAuthorized({ headers }: IncomingMessage, login: { username: string; password: string }): boolean {
  const expected = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return headers.authorization === `Basic ${expected}`;
}

function loginRequired(): Reply {
  const challenge = { 'www-authenticate': 'Basic realm="lab"' };
  return { ...problem(401, 'UNAUTHORIZED'), headers: challenge };
}

function content(url: string): Reply {
  if (url === '/v2/') return { status: 200, body: Buffer.from('{}') };
  const [, repository, kind, reference] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
  if (repository === undefined || reference === undefined) return problem(404, 'UNSUPPORTED');
  return kind === 'manifests' ? manifest(repository, reference) : blob(reference);
}

function manifest(repository: string, reference: string): Reply {
  const body = read(join(directory, 'manifests', encodeURIComponent(`${repository}@${reference}`)));
  if (body === undefined) return problem(404, 'MANIFEST_UNKNOWN');
  const { mediaType } = JSON.parse(body.toString('utf8')) as { mediaType: string };
  return { status: 200, headers: { 'content-type': mediaType, 'content-length': String(body.length) }, body };
}

function blob(digest: string): Reply {
  const body = read(join(directory, 'blobs', encodeURIComponent(digest)));
  if (body === undefined) return problem(404, 'BLOB_UNKNOWN');
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(body.length) };
  return { status: 200, headers, body };
}

function read(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

function problem(status: number, code: string): Reply {
  return { status, body: Buffer.from(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] })) };
}

const server = createServer(handle);
server.listen(Number(port), address, () => process.send?.('listening'));
process.on('message', (message) => {
  mode = message as RegistryMode;
  process.send?.('switched');
});
process.on('disconnect', () => process.exit(0));
