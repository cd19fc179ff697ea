/** What clients may take, most of all those that nobody knows yet. Milliseconds and bytes. */
const http = {
  /** Room for the command of an exec, which is in the request's target. */
  maxHeaderSize: 256 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  /** Longer than clients in Go keep idle connections (90 s): who closes first cuts no request off. */
  keepAliveTimeout: 120_000,
} as const;

export const httpLimits = {
  http,
  tls: { ...http, handshakeTimeout: 10_000 },
  maxConnections: 1_000,
} as const;
