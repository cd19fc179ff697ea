import { UsageError } from '../failure.ts';

/**
 * Takes `web:80`, `lab/web:http`, `192.0.2.10:80` or `[2001:db8::1]:80` apart.
 *
 * @throws UsageError
 */
export function parseTarget(text: string): { readonly destination: string; readonly port: string } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):([^:]+)$/.exec(text) ?? [];
  const destination = bracketed ?? plain;
  if (destination !== undefined && port !== undefined) return { destination, port };
  throw new UsageError(`"${text}" is no destination: say where and which port, as in web:80 or [2001:db8::1]:80`);
}
