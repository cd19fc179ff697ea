import { z } from 'zod';
import type { ExecPlugin } from './exec-config.ts';

/** Credentials that a plugin has given: a token, a certificate with its key (PEM), or both. */
export interface ExecCredential {
  readonly token: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Milliseconds since the epoch; undefined: as long as the server takes them. */
  readonly expiresAt: number | undefined;
}

const text = z.string().nullable().optional();

/** `ExecCredential` (`client-go/pkg/apis/clientauthentication/v1/types.go`). */
const schema = z.object({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: text,
    clientCertificateData: text,
    clientKeyData: text,
    expirationTimestamp: text,
  }),
});

/**
 * Reads what a plugin has printed.
 *
 * @throws Error that says what is wrong, never with anything that was printed but the version and the time
 */
export function parseExecAnswer(
  { apiVersion, place }: Pick<ExecPlugin, 'apiVersion' | 'place'>,
  printed: string,
): ExecCredential {
  const wrong = (what: string): Error => new Error(`${place}: the plugin has printed ${what}`);
  const parsed = schema.safeParse(parseJson(printed));
  if (!parsed.success) throw wrong('no ExecCredential with a status, as JSON');
  if (parsed.data.apiVersion !== apiVersion)
    throw wrong(`an ExecCredential of ${JSON.stringify(parsed.data.apiVersion)} where ${apiVersion} was asked for`);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = parsed.data.status;
  if (!token && !certificate && !key) throw wrong('neither a token nor a certificate');
  if (!certificate !== !key) throw wrong('a certificate without a key, or a key without a certificate');
  const expiresAt = expirationTimestamp ? Date.parse(expirationTimestamp) : undefined;
  if (Number.isNaN(expiresAt))
    throw wrong(`an expirationTimestamp that is no time: ${JSON.stringify(expirationTimestamp)}`);
  return { token: token || undefined, certificate: certificate || undefined, key: key || undefined, expiresAt };
}

function parseJson(printed: string): unknown {
  try {
    return JSON.parse(printed);
  } catch {
    return undefined; // Its error would tell what was printed.
  }
}
