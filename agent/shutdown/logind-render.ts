/** The kubelet's file, so that a host has one (`pkg/kubelet/nodeshutdown/systemd/inhibit_linux.go`). */
export const delayPath = '/etc/systemd/logind.conf.d/99-kubelet.conf';

export const delayMarker = '# Made by podwright';

/** Has logind wait for as long as pods may take. */
export function renderDelay(seconds: number): string {
  return `${delayMarker}: pods need as long to end before the host shuts down\n[Login]\nInhibitDelayMaxSec=${seconds}\n`;
}

/** Seconds of the answer `t 5000000` of busctl, microseconds. */
export function parseDelay(text: string): number | undefined {
  const micros = /^t (\d+)\s*$/.exec(text)?.[1];
  return micros === undefined ? undefined : Number(micros) / 1_000_000;
}

/** Whether the host begins to shut down, by a line of `busctl monitor --json=short`; undefined for any other message. */
export function parseSignal(line: string): boolean | undefined {
  try {
    const { member, payload } = JSON.parse(line) as {
      readonly member?: unknown;
      readonly payload?: { readonly data?: readonly unknown[] };
    };
    const begins = member === 'PrepareForShutdown' ? payload?.data?.[0] : undefined;
    return typeof begins === 'boolean' ? begins : undefined;
  } catch {
    return undefined;
  }
}
