import type { ApiClient } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { type Round, uncounted } from '../round.ts';
import { createWakeup } from '../wakeup.ts';
import { type CertificateWish, obtainCertificate } from './certificate-request.ts';
import { type PairName, readPair, storePair } from './certificate-store.ts';
import { nodeSubject } from './node-identity.ts';
import { certificateLife, type CertificateNames, planRotation, rotationTime } from './rotation-plan.ts';

export interface CertificateManagerOptions {
  readonly api: ApiClient;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** The link to certificate and key in one file. */
  readonly current: string;
  readonly pair: PairName;
  readonly signerName: CertificateWish['signerName'];
  /** `system:node:<name>`. */
  readonly commonName: string;
  /** Names that a certificate for servers must have now; undefined as long as they are not known. */
  readonly names: () => CertificateNames | undefined;
  /** Whether it can be replaced after its end. */
  readonly outlivesEnd: boolean;
  /** Is told after the link was moved. */
  readonly onRotated: () => Promise<void>;
  /** Counts a round. */
  readonly round?: Round;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export interface CertificateManager {
  /** End of the certificate in use, milliseconds since the epoch; undefined as long as there is none. */
  endsAt(): number | undefined;
  /** The names may have changed: look now. */
  wake(): void;
  /** Looks after the certificate until `signal` is aborted; rejects with its reason only. */
  run(signal: AbortSignal): Promise<void>;
}

/** As long as the kubelet waits for an approval (`pkg/kubelet/certificate/kubelet.go`). */
const requestTimeoutMs = 15 * 60_000;
/** Timers of Node.js end at 24 days, and somebody else may replace the file. */
const maxPauseMs = 24 * 3_600_000;
/** How soon a new join is seen. */
const endedPauseMs = 30_000;
/** Between two certificates at the least: a signer may date them back further than they last. */
const minPauseMs = 10_000;
const firstRetryMs = 2_000;
const maxRetryMs = 5 * 60_000;

/**
 * Replaces a certificate of this node in time (client-go, `util/certificate/certificate_manager.go`). Each time it looks it
 * reads what the file holds, so that one that somebody else put there counts.
 */
export function createCertificateManager(options: CertificateManagerOptions): CertificateManager {
  const { clock, log, current, pair, round = uncounted } = options;
  const wakeup = createWakeup(clock);
  let end: number | undefined;
  let isEndTold = false;
  let due: { readonly pem: string; readonly at: number } | undefined;

  const dueAt = (pem: string): number => {
    const life = certificateLife(pem);
    end = life?.until;
    if (due?.pem !== pem) due = { pem, at: life === undefined ? 0 : rotationTime(life, options.random()) };
    return due.at;
  };

  /** @returns how long to wait before the next look */
  const step = async (signal: AbortSignal): Promise<number> => {
    const pem = await readPair(current);
    const names = options.names();
    if (names === undefined) return maxPauseMs;
    const now = clock.now();
    const facts = { pem, names, now, dueAt: pem === undefined ? now : dueAt(pem), outlivesEnd: options.outlivesEnd };
    const decision = planRotation(facts);
    if (decision.action === 'ended') {
      tellEnd(decision.since);
      return endedPauseMs;
    }
    isEndTold = false;
    if (decision.action === 'wait') return Math.min(decision.at - now, maxPauseMs);
    await rotate(options, names, signal);
    const renewed = (await readPair(current)) ?? '';
    const next = dueAt(renewed);
    log.info({ pair, until: iso(end) }, 'the node has a new certificate');
    return Math.min(Math.max(next - clock.now(), minPauseMs), maxPauseMs);
  };

  const tellEnd = (since: number): void => {
    if (isEndTold) return;
    isEndTold = true;
    log.error(
      { file: current, since: iso(since) },
      'the client certificate of the node is valid no more: run podwright join again; pods go on running meanwhile',
    );
  };

  return {
    endsAt: () => end,
    wake: () => wakeup.wake(),
    run: async (signal) => {
      for (let failures = 0; ;) {
        let pauseMs: number;
        try {
          pauseMs = await round(() => step(signal));
          failures = 0;
        } catch (err) {
          signal.throwIfAborted();
          pauseMs = Math.min(firstRetryMs * 2 ** failures, maxRetryMs);
          failures += 1;
          log.warn({ err, pair, retryMs: pauseMs }, 'the node cannot get a new certificate, will retry');
        }
        await wakeup.sleep(pauseMs, signal);
      }
    },
  };
}

async function rotate(
  options: CertificateManagerOptions,
  { dnsNames, ipAddresses }: CertificateNames,
  signal: AbortSignal,
): Promise<void> {
  const { api, clock, log, current, pair, signerName, commonName, onRotated } = options;
  const subject = { ...nodeSubject(commonName), hosts: [...dnsNames, ...ipAddresses] };
  const say = (reason: string): void => log.warn({ pair, reason }, 'the node waits for a certificate');
  const wish: CertificateWish = { subject, signerName, timeoutMs: requestTimeoutMs };
  const issued = await obtainCertificate(wish, { api, clock, say }, signal);
  await storePair(current, pair, issued, new Date(clock.now()));
  await onRotated();
}

function iso(time: number | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
