import { messageOf } from '../../cni/index.ts';

/** Why a container could not be started: the reason of its waiting state and the message. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly reason: string;

  constructor(reason: string, error: unknown) {
    super(messageOf(error), { cause: error });
    this.reason = reason;
  }
}

/**
 * Runs a step of a start. What it throws becomes a {@link StartFailure}: with the error's own `reason` where it brings one
 * (images, container configuration), else with `reason`.
 */
export async function failAs<T>(reason: string, run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof StartFailure ? error : new StartFailure(ownReason(error) ?? reason, error);
  }
}

function ownReason(error: unknown): string | undefined {
  const reason = (error as { reason?: unknown } | null)?.reason;
  return error instanceof Error && typeof reason === 'string' ? reason : undefined;
}
