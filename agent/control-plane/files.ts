/** A file that is to be written. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** Undefined when there is none. */
export type ReadFile = (path: string) => Promise<string | undefined>;

export const secretMode = 0o600;
export const publicMode = 0o644;
