import type { ProxyClock } from './clock.ts';
import type { Listener } from './health/index.ts';
import type { ProxyLog } from './log.ts';

const RETRY_MS = 5_000;

/**
 * Serves until it is aborted. An address that cannot be listened on is told once and tried again: Services work without it, and
 * whoever has the port may go.
 */
export async function keepServing(
  what: string,
  open: () => Promise<Listener>,
  { clock, log }: { readonly clock: ProxyClock; readonly log: ProxyLog },
  signal: AbortSignal,
): Promise<void> {
  for (let isTold = false; !signal.aborted; isTold = true) {
    const listener = await open().catch((err: unknown) => {
      if (!isTold) log.error({ err, retryMs: RETRY_MS }, `cannot serve ${what}`);
    });
    if (listener === undefined) {
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
      continue;
    }
    await firstAbort(signal);
    await listener.close();
  }
}

/** Resolves when the first of the signals is aborted. */
export async function firstAbort(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  const listeners = new AbortController();
  await new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { signal: listeners.signal });
  });
  listeners.abort();
}
