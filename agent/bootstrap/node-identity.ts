import type { DistinguishedName } from '../x509.ts';

/** The user that a node is to its cluster, as the Node authorizer knows it (pkg/auth/nodeidentifier). */
export const nodeUser = (nodeName: string): string => `system:node:${nodeName}`;

/** Whom the certificates of a node name. @param user a {@link nodeUser} */
export const nodeSubject = (user: string): DistinguishedName => ({
  organizations: ['system:nodes'],
  commonName: user,
});
