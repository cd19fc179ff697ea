import { renderTable } from '../../cli/status/table.ts';
import { parseCertificate } from '../pki/verdict.ts';
import type { FoundAuthority, FoundCertificate } from './places.ts';

/**
 * The page of `kubeadm certs check-expiration`.
 *
 * @param now milliseconds since the epoch
 */
export function renderExpiration(
  certificates: readonly FoundCertificate[],
  authorities: readonly FoundAuthority[],
  now: number,
): readonly string[] {
  const keys = new Map(authorities.map(({ name, key }) => [name, key]));
  const missing = '!MISSING!';
  return [
    ...renderTable([
      ['CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY', 'EXTERNALLY MANAGED'],
      ...certificates.map(({ place: { name, authority }, certificate }) => [
        ...(certificate === undefined ? [`${missing} ${name}`, '', ''] : [name, ...endOf(certificate, now)]),
        ...[certificate === undefined ? '' : authority, certificate === undefined ? '' : external(keys.get(authority))],
      ]),
    ]),
    '',
    ...renderTable([
      ['CERTIFICATE AUTHORITY', 'EXPIRES', 'RESIDUAL TIME', 'EXTERNALLY MANAGED'],
      ...authorities.map(({ name, certificate, key }) =>
        certificate === undefined
          ? [`${missing} ${name}`, '', '', '']
          : [name, ...endOf(certificate, now), external(key)],
      ),
    ]),
  ];
}

/** Without its key here, somebody else renews what an authority signs. */
const external = (key: string | undefined): string => (key === undefined ? 'yes' : 'no');

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Dec 30, 2027 23:36 UTC` and what is left of the time. */
function endOf(certificate: string, now: number): readonly [string, string] {
  const end = new Date(Date.parse(parseCertificate(certificate)?.validTo ?? ''));
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${months[end.getUTCMonth()] ?? ''} ${two(end.getUTCDate())}, ${end.getUTCFullYear()}`;
  return [`${day} ${two(end.getUTCHours())}:${two(end.getUTCMinutes())} UTC`, residual(end.getTime() - now)];
}

const units = [
  ['y', 365 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** In the largest unit of which there are two, or one of years: `364d`, `9y`. */
export function residual(ms: number): string {
  if (ms <= 0) return '<invalid>';
  const [unit, size] = units.find(([name, each]) => ms >= (name === 'y' ? 2 : 1) * each) ?? ['s', 1_000];
  return `${Math.floor(ms / size)}${unit}`;
}
