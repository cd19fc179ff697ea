/** What is wrong with one field of the configuration. */
export interface ConfigProblem {
  /** A file, or `--flag`. */
  readonly origin: string;
  /** 1-based. */
  readonly line?: number;
  readonly path?: string;
  readonly message: string;
}

/** The configuration cannot be used. The message has a line a problem: `file:line: path: what is wrong`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describe).join('\n'));
    this.problems = problems;
  }
}

function describe({ origin, line, path, message }: ConfigProblem): string {
  const place = line === undefined ? origin : `${origin}:${line}`;
  return `${place}: ${path === undefined || path === '' ? '' : `${path}: `}${message}`;
}
