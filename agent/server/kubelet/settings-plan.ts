import { resolve } from 'node:path';
import type { Config } from '../../config/index.ts';

/** The part of a KubeletConfiguration that the server follows, with the kubelet's defaults. */
export interface KubeletServerSettings {
  readonly enabled: boolean;
  readonly address: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Undefined: no read-only port. */
  readonly readOnlyPort: number | undefined;
  /** Undefined: not served. */
  readonly healthz: { readonly address: string; readonly port: number } | undefined;
  readonly clientCaFile: string | undefined;
  readonly serving: ServingFiles;
  readonly tls: TlsSettings;
  readonly authentication: {
    readonly anonymous: boolean;
    readonly webhook: boolean;
    readonly webhookCacheMs: number;
  };
  readonly authorization: {
    readonly mode: 'Webhook' | 'AlwaysAllow';
    readonly allowedCacheMs: number;
    readonly deniedCacheMs: number;
  };
  readonly debuggingHandlers: boolean;
  readonly systemLogHandler: boolean;
  readonly streamIdleTimeoutMs: number;
}

/** PEM files; may be one. */
export interface ServingFiles {
  readonly cert: string;
  readonly key: string;
  /** What to do while they are not there: make them, or serve with a certificate that is kept in memory. */
  readonly origin: 'given' | 'self-signed' | 'bootstrap';
}

export interface TlsSettings {
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** In OpenSSL's words; undefined: Node's choice. */
  readonly ciphers: string | undefined;
}

const minute = 60_000;

/** Defaults of `pkg/kubelet/apis/config/v1beta1/defaults.go`. As in Go, an empty or zero value is one that was not given. */
export function serverSettings({ kubelet, rootDir }: Pick<Config, 'kubelet' | 'rootDir'>): KubeletServerSettings {
  const { authentication, authorization } = kubelet;
  const healthzPort = kubelet.healthzPort ?? 10_248;
  return {
    enabled: kubelet.enableServer ?? true,
    address: kubelet.address || '0.0.0.0',
    port: kubelet.port || 10_250,
    readOnlyPort: kubelet.readOnlyPort || undefined,
    healthz: healthzPort > 0 ? { address: kubelet.healthzBindAddress || '127.0.0.1', port: healthzPort } : undefined,
    clientCaFile: authentication?.x509?.clientCAFile || undefined,
    serving: servingFiles(kubelet, rootDir),
    tls: tlsSettings(kubelet),
    authentication: {
      anonymous: authentication?.anonymous?.enabled ?? false,
      webhook: authentication?.webhook?.enabled ?? true,
      webhookCacheMs: authentication?.webhook?.cacheTTL || 2 * minute,
    },
    authorization: {
      mode: authorization?.mode || 'Webhook',
      allowedCacheMs: authorization?.webhook?.cacheAuthorizedTTL || 5 * minute,
      deniedCacheMs: authorization?.webhook?.cacheUnauthorizedTTL || minute / 2,
    },
    debuggingHandlers: kubelet.enableDebuggingHandlers ?? true,
    systemLogHandler: kubelet.enableSystemLogHandler ?? true,
    streamIdleTimeoutMs: kubelet.streamingConnectionIdleTimeout || 240 * minute,
  };
}

type Kubelet = Config['kubelet'];

/** The kubelet's own names of files (`pkg/kubelet/certificate`, `initializeServerTLS`). */
function servingFiles(kubelet: Kubelet, rootDir: string): ServingFiles {
  const pki = resolve(rootDir, 'pki');
  const { tlsCertFile: cert, tlsPrivateKeyFile: key } = kubelet;
  if (cert && key) return { cert, key, origin: 'given' };
  const current = resolve(pki, 'kubelet-server-current.pem');
  if (kubelet.serverTLSBootstrap === true) return { cert: current, key: current, origin: 'bootstrap' };
  return { cert: resolve(pki, 'kubelet.crt'), key: resolve(pki, 'kubelet.key'), origin: 'self-signed' };
}

const versions: Readonly<Record<string, TlsSettings['minVersion']>> = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

/** Those of TLS 1.3 cannot be chosen, as in Go. */
const ciphersOfTls13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** Go's names of cipher suites (IANA's) and OpenSSL's. */
const ciphers: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
};

function tlsSettings({ tlsMinVersion, tlsCipherSuites }: Kubelet): TlsSettings {
  const chosen = (tlsCipherSuites ?? []).flatMap((name) => ciphers[name] ?? []);
  return {
    minVersion: versions[tlsMinVersion ?? ''] ?? 'TLSv1.2',
    ciphers: chosen.length === 0 ? undefined : [...ciphersOfTls13, ...chosen].join(':'),
  };
}

export interface ServerProblem {
  readonly field: string;
  readonly message: string;
}

/** What is wrong with the fields of the server, each on its own line of the configuration. */
export function serverProblems(kubelet: Kubelet): readonly ServerProblem[] {
  const ports = (['port', 'readOnlyPort', 'healthzPort'] as const).filter((field) => !isPort(kubelet[field] ?? 0));
  const unknown = (kubelet.tlsCipherSuites ?? []).filter(
    (name) => ciphers[name] === undefined && !ciphersOfTls13.includes(name),
  );
  const hasBoth = Boolean(kubelet.tlsCertFile) === Boolean(kubelet.tlsPrivateKeyFile);
  const version = kubelet.tlsMinVersion ?? '';
  return [
    ...ports.map((field) => ({ field, message: 'must be a port between 0 and 65535' })),
    ...unknown.map((name) => ({
      field: 'tlsCipherSuites',
      message: `${JSON.stringify(name)} is no cipher suite of Go`,
    })),
    ...(hasBoth ? [] : [{ field: 'tlsCertFile', message: 'goes together with tlsPrivateKeyFile' }]),
    ...(version === '' || version in versions
      ? []
      : [{ field: 'tlsMinVersion', message: `must be one of ${Object.keys(versions).join(', ')}` }]),
  ];
}

const isPort = (port: number): boolean => port >= 0 && port <= 65_535;

/** How the HTTPS server may listen; a reason instead when nobody could ever get in. */
export type ListenPlan =
  | { readonly listen: true; readonly address: string; readonly warning?: string }
  | { readonly listen: false; readonly why: string };

/**
 * Whether anybody could be let in, and from where. Who is let in without a name and without being asked is only let in
 * from this host, unlike in the kubelet.
 */
export function planListen(settings: KubeletServerSettings, hasApi: boolean): ListenPlan {
  const { authentication, authorization, clientCaFile, address } = settings;
  if (!settings.enabled) return { listen: false, why: 'enableServer is false' };
  const anybody = clientCaFile !== undefined || (authentication.webhook && hasApi) || authentication.anonymous;
  if (!anybody) {
    return { listen: false, why: 'nothing could authenticate a client: authentication.x509.clientCAFile is not set' };
  }
  if (authorization.mode === 'Webhook' && !hasApi) {
    return { listen: false, why: 'authorization.mode is Webhook, and there is no API server to ask' };
  }
  if (authentication.anonymous && authorization.mode === 'AlwaysAllow') {
    const warning = 'anonymous requests are always allowed: only this host can reach the kubelet API';
    return { listen: true, address: '127.0.0.1', warning };
  }
  return { listen: true, address };
}
