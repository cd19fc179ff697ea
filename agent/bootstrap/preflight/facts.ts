import type { Verdict } from '../../cli/check/facts.ts';

/** What the answer of a server says before anything else is asked. */
export type ServerFact =
  | {
      readonly reached: true;
      /** Its clock less ours; undefined when it does not say. */ readonly skewMs: number | undefined;
    }
  | { readonly reached: false; readonly problem: string; readonly advice: string | undefined };

/** All that the preflight rests on. */
export interface PreflightFacts {
  readonly uid: number;
  readonly nodeName: string;
  /** Verdicts of `podwright check`. */
  readonly host: readonly Verdict[];
  /** Whether something listens on the kubelet's port. */
  readonly portTaken: boolean;
  /** Process ids of kubelets that run. */
  readonly kubelets: readonly number[];
  /** Files that exist and must not. */
  readonly files: readonly string[];
  readonly manifests: { readonly path: string; readonly names: readonly string[] };
  /** Undefined: the address is in a file that is not read yet. */
  readonly server: ServerFact | undefined;
}

export interface Finding {
  /** kubeadm's name where it has the check: `Port-10250`. */
  readonly name: string;
  readonly level: 'WARN' | 'FAIL';
  readonly message: string;
  readonly fix?: string;
}
