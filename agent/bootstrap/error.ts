/** Why this host cannot join, in words for the user, with what to do about it. */
export class JoinError extends Error {
  override readonly name = 'JoinError';
  readonly advice: string | undefined;

  constructor(message: string, advice?: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}
