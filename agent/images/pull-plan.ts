/** `imagePullPolicy` of a container. */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/** Whether an image must be pulled before a container may start (`image_manager.go`, shouldPullImage). */
export function shouldPull(policy: PullPolicy, present: boolean): boolean {
  switch (policy) {
    case 'Always':
      return true;
    case 'IfNotPresent':
      return !present;
    case 'Never':
      return false;
  }
}

/** How long a pull took and what it brought. */
export interface PullFigures {
  /** Time from the start of the pull itself. */
  readonly pullMs: number;
  /** Time from the request, with the wait for other pulls. */
  readonly totalMs: number;
  readonly sizeBytes: number | undefined;
}

/** The kubelet's event text for a pull that succeeded. */
export function pulledMessage(image: string, { pullMs, totalMs, sizeBytes }: PullFigures): string {
  const times = `${goDuration(pullMs)} (${goDuration(totalMs)} including waiting)`;
  const size = sizeBytes === undefined ? '' : ` Image size: ${sizeBytes} bytes.`;
  return `Successfully pulled image ${quote(image)} in ${times}.${size}`;
}

/** Milliseconds as Go prints a time.Duration: `850ms`, `1.2s`, `1m2.5s`, `1h0m0s`. */
export function goDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole === 0) return '0s';
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = `${(whole % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** A text as the kubelet quotes it in messages (Go's `%q`, which is JSON's form for what a name may hold). */
export function quote(text: string): string {
  return JSON.stringify(text);
}
