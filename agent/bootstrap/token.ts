import { JoinError } from './error.ts';

/** A bootstrap token; its id is public, its secret is not. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
}

const format = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

/**
 * Reads `id.secret` (`staging/src/k8s.io/cluster-bootstrap/token/api`). The error does not repeat the text, which may hold
 * most of a secret.
 *
 * @throws JoinError
 */
export function parseBootstrapToken(text: string): BootstrapToken {
  const [, id, secret] = format.exec(text) ?? [];
  if (id === undefined || secret === undefined) {
    throw new JoinError(
      'the bootstrap token must be 6 and 16 of a-z and 0-9 with a dot between, as abcdef.0123456789abcdef',
      'on a control-plane node: kubeadm token create --print-join-command',
    );
  }
  return { id, secret };
}

export const renderBootstrapToken = ({ id, secret }: BootstrapToken): string => `${id}.${secret}`;
