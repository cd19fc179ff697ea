import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { messageOf } from '../../../cni/index.ts';
import { ImageService, RuntimeService } from '../../cri/api_pb.js';
import { RuntimeUnavailableError } from '../../runtime/types.ts';
import { untilAborted } from '../../until-aborted.ts';
import { listenOnSocket } from '../unix-socket.ts';
import { createImageService } from './image-service.ts';
import { createRuntimeService, type CriDeps } from './runtime-service.ts';

/** Where to listen: a path, or a descriptor of a socket that listens already, of which the service manager is the owner. */
export type CriListener = { readonly path: string } | { readonly fd: number };

export interface CriServerOptions {
  readonly listener: CriListener;
  /** Ends the server when nobody has been connected for so long; undefined: never. */
  readonly idleMs: number | undefined;
  readonly onListening?: () => void;
}

/** Bytes, as containerd and the kubelet have it; the library's own limit is 4 GiB. */
const largestMessage = 16 * 1024 ** 2;

/** Serves CRI v1 until `signal` is aborted, or nobody has used it for long. */
export async function serveCri(deps: CriDeps, options: CriServerOptions, signal: AbortSignal): Promise<void> {
  const server = createServer(
    connectNodeAdapter({
      grpcWeb: false,
      connect: false,
      readMaxBytes: largestMessage,
      interceptors: [tellErrors],
      routes: (router) => {
        router.service(RuntimeService, createRuntimeService(deps));
        router.service(ImageService, createImageService(deps));
      },
      fallback: ({ url = '' }, response) => {
        response.writeHead(200, { 'content-type': 'application/grpc' });
        response.addTrailers({
          'grpc-status': String(Code.Unimplemented),
          'grpc-message': encodeURIComponent(`podwright does not answer ${url}: it creates its pods itself`),
        });
        response.end();
      },
    }),
  );
  const { until, sessions } = followSessions(server, options.idleMs, signal);
  await listen(server, options.listener);
  options.onListening?.();
  await untilAborted(until);
  server.close();
  for (const session of sessions) session.destroy();
}

async function listen(server: Http2Server, listener: CriListener): Promise<void> {
  if ('path' in listener) return listenOnSocket(server, listener.path, '--listen');
  const listening = once(server, 'listening');
  server.listen(listener);
  await listening;
}

/** Clients should read what went wrong; the library would only tell them that something did. */
const tellErrors: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    throw new ConnectError(
      messageOf(error),
      error instanceof RuntimeUnavailableError ? Code.Unavailable : Code.Unknown,
    );
  }
};

function followSessions(
  server: Http2Server,
  idleMs: number | undefined,
  signal: AbortSignal,
): { readonly until: AbortSignal; readonly sessions: ReadonlySet<ServerHttp2Session> } {
  const sessions = new Set<ServerHttp2Session>();
  const idle = new AbortController();
  const arm = (): NodeJS.Timeout | undefined =>
    idleMs === undefined ? undefined : setTimeout(() => idle.abort(), idleMs);
  let timer: NodeJS.Timeout | undefined;
  server.once('listening', () => (timer = arm()));
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  server.on('session', (session) => {
    clearTimeout(timer);
    sessions.add(session);
    session.on('error', () => undefined); // A client that goes away is no failure of the server's.
    session.once('close', () => {
      sessions.delete(session);
      if (sessions.size === 0 && !signal.aborted) timer = arm();
    });
  });
  return { until: AbortSignal.any([signal, idle.signal]), sessions };
}
