/** Text of anything thrown: a message, or those of all errors in an AggregateError, which often has none of its own. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ') || error.message;
  return error instanceof Error ? error.message : String(error);
}

/** What was thrown as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
