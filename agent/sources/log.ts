/** The part of a pino logger that the sources use: a constant message, the variable parts as fields. */
export interface SourceLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
