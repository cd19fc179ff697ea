/**
 * Lets the containers of a pod end in order (KEP-753, kubelet: `kuberuntime_termination_order.go`): sidecars wait for all
 * app containers, and for the sidecars that started after them.
 */
export interface TerminationOrder {
  /** Resolves when it is this container's turn, or after `limitMs`, or when `signal` is aborted. */
  waitForTurn(name: string, limitMs: number, signal: AbortSignal): Promise<void>;
  ended(name: string): void;
}

/**
 * @param stages names of containers; those of one stage end beside each other, after all earlier stages
 */
export function createTerminationOrder(stages: readonly (readonly string[])[]): TerminationOrder {
  const ends = new Map(stages.flat().map((name) => [name, latch()]));
  const stageOf = (name: string): number => stages.findIndex((stage) => stage.includes(name));
  return {
    waitForTurn: async (name, limitMs, signal) => {
      const before = stages.slice(0, Math.max(0, stageOf(name))).flat();
      if (before.length === 0) return;
      await firstOf(Promise.all(before.map(async (other) => ends.get(other)?.opened)), limitMs, signal);
    },
    ended: (name) => ends.get(name)?.open(),
  };
}

function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

async function firstOf(promise: Promise<unknown>, limitMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const over = latch();
  const timer = setTimeout(over.open, limitMs);
  signal.addEventListener('abort', over.open);
  try {
    await Promise.race([promise, over.opened]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', over.open);
  }
}

/**
 * The stages in which a pod's containers end.
 *
 * @param running names of the containers that run
 * @param sidecars names in the order in which they started
 */
export function terminationStages(running: readonly string[], sidecars: readonly string[]): readonly string[][] {
  const others = running.filter((name) => !sidecars.includes(name));
  const last = sidecars.filter((name) => running.includes(name)).toReversed();
  return [others, ...last.map((name) => [name])];
}
