/** What the proxy says to its operator: a constant message, with what varies in fields. pino's logger is one. */
export interface ProxyLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
