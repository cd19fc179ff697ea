import { z } from 'zod';
import { duration, ignored, object, string, strings } from '../config/fields.ts';
import { JoinError } from './error.ts';
import { checkDocument, nodeRegistration, readDocuments, timeouts } from './kubeadm-file.ts';

/** `kind: JoinConfiguration` (kubernetes/kubernetes `cmd/kubeadm/app/apis/kubeadm/v1beta4`). */
const joinSchema = z.strictObject({
  apiVersion: z.enum(['kubeadm.k8s.io/v1beta3', 'kubeadm.k8s.io/v1beta4']),
  kind: z.literal('JoinConfiguration'),
  dryRun: z.boolean().nullable().optional(),
  nodeRegistration: object({ ...nodeRegistration, imagePullPolicy: ignored }),
  caCertPath: string,
  discovery: object({
    bootstrapToken: object({
      token: string,
      apiServerEndpoint: string,
      caCertHashes: strings,
      unsafeSkipCAVerification: z.boolean().nullable().optional(),
    }),
    file: object({ kubeConfigPath: string }),
    tlsBootstrapToken: string,
    timeout: duration,
  }),
  controlPlane: ignored,
  skipPhases: strings,
  patches: ignored,
  timeouts,
});

export type JoinFile = z.infer<typeof joinSchema>;

/**
 * The JoinConfiguration in a configuration file of kubeadm; documents of other kinds are for other commands.
 *
 * @throws JoinError with all that is wrong
 */
export function parseJoinFile(origin: string, text: string): JoinFile {
  const found = readDocuments(origin, text).filter(({ kind }) => kind === 'JoinConfiguration');
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new JoinError(`${origin}: must hold one JoinConfiguration, and holds ${found.length}`);
  }
  return checkDocument(joinSchema, origin, first.document);
}
