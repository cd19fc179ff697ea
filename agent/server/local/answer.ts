/** An answer of the local API: a status code and the JSON body. */
export interface Answer {
  readonly code: number;
  readonly body: object;
}

export const ok = (body: object): Answer => ({ code: 200, body });

/** A v1 Status, as the API server answers what it cannot do. */
export function failure(code: number, reason: string, message: string): Answer {
  return { code, body: { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code } };
}

/** An answer that ends the handling of a request. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly answer: Answer;

  constructor(code: number, reason: string, message: string) {
    super(message);
    this.answer = failure(code, reason, message);
  }
}
