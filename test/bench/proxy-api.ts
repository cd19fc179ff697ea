import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createService, createSlice, nodeIp, nodeName, type Slice } from './proxy-objects.ts';

/** An API server of nothing but what a proxy asks for: plain HTTP, JSON, no limits of pages. */
export interface ProxyApi {
  readonly port: number;
  /** When the last byte of both lists was given to the kernel, milliseconds of {@link performance}. */
  listed(): Promise<number>;
  /** Tells all who watch. */
  change(slice: Slice): void;
  close(): void;
}

interface Resource {
  readonly kind: string;
  readonly apiVersion: string;
  readonly items: readonly object[];
  /** Who waits for changes. */
  readonly watchers: Set<ServerResponse>;
}

export const servicesPath = '/api/v1/services';
export const slicesPath = '/apis/discovery.k8s.io/v1beta1/endpointslices';

const version = { major: '1', minor: '20', gitVersion: 'v1.20.2' };
const node = {
  kind: 'Node',
  apiVersion: 'v1',
  metadata: { name: nodeName, uid: nodeName },
  status: { addresses: [{ type: 'InternalIP', address: nodeIp }] },
};

/** @param count of Services */
export async function serveProxyApi(count: number): Promise<ProxyApi> {
  const resources = resourcesOf(count);
  const left = new Set([servicesPath, slicesPath]);
  let tellListed: (time: number) => void = () => undefined;
  const listed = new Promise<number>((resolve) => (tellListed = resolve));
  const onListed = (path: string): void => {
    if (left.delete(path) && left.size === 0) tellListed(performance.now());
  };

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const resource = resources.get(pathname);
    if (resource === undefined) answerOther(pathname, request, response);
    else if (searchParams.has('watch')) watch(resource, response);
    else sendJson(response, 200, listOf(resource), () => onListed(pathname));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the API server has no port');

  return {
    port: address.port,
    listed: () => listed,
    change: ({ metadata, ...rest }) => {
      const object = { ...rest, metadata: { ...metadata, resourceVersion: '2' }, ...typeOf('EndpointSlice') };
      const line = `${JSON.stringify({ type: 'MODIFIED', object })}\n`;
      for (const watcher of resources.get(slicesPath)?.watchers ?? []) watcher.write(line);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function resourcesOf(count: number): ReadonlyMap<string, Resource> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const resource = (kind: string, items: readonly object[]): Resource => ({
    ...typeOf(kind),
    items,
    watchers: new Set(),
  });
  return new Map([
    [servicesPath, resource('Service', indexes.map(createService))],
    [
      slicesPath,
      resource(
        'EndpointSlice',
        indexes.map((index) => createSlice(index)),
      ),
    ],
    ['/api/v1/endpoints', resource('Endpoints', [])],
    ['/api/v1/nodes', resource('Node', [node])],
  ]);
}

function typeOf(kind: string) {
  return { kind, apiVersion: kind === 'EndpointSlice' ? 'discovery.k8s.io/v1beta1' : 'v1' };
}

function listOf({ kind, apiVersion, items }: Resource): object {
  return { kind: `${kind}List`, apiVersion, metadata: { resourceVersion: '1' }, items };
}

function watch({ watchers }: Resource, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  watchers.add(response);
  response.on('close', () => watchers.delete(response));
}

/** Events are taken and forgotten. */
function answerOther(path: string, { method }: IncomingMessage, response: ServerResponse): void {
  if (method === 'POST') sendJson(response, 201, { kind: 'Event', apiVersion: 'v1', metadata: {} });
  else if (path === '/version') sendJson(response, 200, version);
  else if (path === `/api/v1/nodes/${nodeName}`) sendJson(response, 200, node);
  else sendJson(response, 404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 });
}

function sendJson(response: ServerResponse, code: number, body: object, onSent?: () => void): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body), onSent);
}
