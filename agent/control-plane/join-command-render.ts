import { publicKeyHash, parseCertificates } from '../bootstrap/ca-pins.ts';
import { type BootstrapToken, renderBootstrapToken } from '../bootstrap/token.ts';

/**
 * What to run on the next node.
 *
 * @param server `https://host:port`
 * @param ca PEM
 */
export function renderJoinCommand(server: string, ca: string, token: BootstrapToken): string {
  const hashes = parseCertificates(ca).map((each) => `--discovery-token-ca-cert-hash sha256:${publicKeyHash(each)}`);
  return ['podwright join', new URL(server).host, '--token', renderBootstrapToken(token), ...hashes].join(' ');
}
