import { z } from 'zod';
import { boolean, oneOf, string, strings } from '../config/fields.ts';

/* `ExecConfig` of `client-go/tools/clientcmd/api/v1/types.go`. */

export const execVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;

export const execSchema = z.object({
  apiVersion: z.enum(execVersions, { error: `must be one of ${execVersions.join(', ')}` }),
  command: z.string().min(1),
  args: strings,
  env: z
    .array(z.object({ name: z.string(), value: z.string() }))
    .nullable()
    .optional(),
  installHint: string,
  provideClusterInfo: boolean,
  interactiveMode: oneOf(['Never', 'IfAvailable', 'Always']),
});

/** A program that gives credentials. */
export interface ExecPlugin {
  readonly apiVersion: (typeof execVersions)[number];
  /** A path, or the name of a program in PATH. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What to tell somebody who does not have it. */
  readonly installHint: string | undefined;
  /** Whether it is told which cluster it is for. */
  readonly provideClusterInfo: boolean;
  /** Where the kubeconfig says so, for errors: `file:line: field`. */
  readonly place: string;
}
