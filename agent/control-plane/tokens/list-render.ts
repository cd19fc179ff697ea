import { renderTable } from '../../cli/status/table.ts';
import { residual } from '../certs/expiration-render.ts';
import type { KnownToken } from './read.ts';

/**
 * The page of `kubeadm token list`.
 *
 * @param now milliseconds since the epoch
 */
export function renderTokens(tokens: readonly KnownToken[], now: number): readonly string[] {
  return renderTable([
    ['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'],
    ...tokens.map(({ id, secret, expires, usages, description, groups }) => [
      `${id}.${secret}`,
      expires === undefined ? '<forever>' : residual(Date.parse(expires) - now),
      expires ?? '<never>',
      usages.join(','),
      description || '<none>',
      groups.join(',') || '<none>',
    ]),
  ]);
}
