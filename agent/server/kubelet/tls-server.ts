import { constants } from 'node:crypto';
import { createServer, type Server, type ServerOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { MaterialReader, TlsMaterial } from './certificates.ts';
import { httpLimits } from './limits.ts';
import type { TlsSettings } from './settings-plan.ts';

export interface TlsServer {
  readonly server: Server;
  /** Whether the client has a certificate by the CAs that hold now. */
  readonly isVerified: (socket: TLSSocket) => boolean;
  /** Follows changes of the files until `signal` is aborted. */
  readonly keepFresh: (signal: AbortSignal) => Promise<void>;
}

const checkEveryMs = 10_000;

/**
 * An HTTPS server that asks clients for a certificate and lets in who has none: that is decided later.
 *
 * @throws for certificates that cannot be used
 */
export async function createTlsServer(
  reader: MaterialReader,
  tls: TlsSettings,
  onError: (error: unknown) => void,
): Promise<TlsServer> {
  let material = await reader.read();
  const server = createServer({ ...contextOf(material, tls), ...httpLimits.tls });
  /** By which CAs a client was verified: those may be others when it sends its next request. */
  const verifiedBy = new WeakMap<TLSSocket, string | undefined>();
  server.on('secureConnection', (socket) => verifiedBy.set(socket, material.clientCa));
  const refresh = async (): Promise<void> => {
    const read = await reader.read();
    if (isSame(read, material)) return;
    server.setSecureContext(contextOf(read, tls));
    material = read;
    server.closeIdleConnections();
  };
  return {
    server,
    isVerified: (socket) =>
      socket.authorized && material.clientCa !== undefined && verifiedBy.get(socket) === material.clientCa,
    keepFresh: async (signal) => {
      while (!signal.aborted) {
        await sleep(checkEveryMs, undefined, { signal }).catch(() => undefined);
        if (!signal.aborted) await refresh().catch(onError);
      }
    },
  };
}

const isSame = (one: TlsMaterial, other: TlsMaterial): boolean =>
  one.cert === other.cert && one.key === other.key && one.clientCa === other.clientCa;

/**
 * A resumed session would be as good as the certificate was when the session began, so there are none. Without CAs for
 * clients there must be an empty list: Node reads an absent one as all public CAs.
 */
function contextOf({ cert, key, clientCa }: TlsMaterial, { minVersion, ciphers }: TlsSettings): ServerOptions {
  return {
    cert,
    key,
    ca: clientCa === undefined ? [] : [clientCa],
    requestCert: true,
    rejectUnauthorized: false,
    minVersion,
    ...(ciphers === undefined ? {} : { ciphers }),
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    ALPNProtocols: ['http/1.1'],
  };
}
