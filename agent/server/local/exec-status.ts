import { messageOf } from '../../../cni/index.ts';

/** How a command ended: the v1 Status on the error channel, as the kubelet words it (`v4WriteStatusFunc`). */
export interface ExecStatus {
  readonly apiVersion: 'v1';
  readonly kind: 'Status';
  readonly metadata: object;
  readonly status: 'Success' | 'Failure';
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes: readonly { readonly reason: string; readonly message: string }[] };
}

const base = { apiVersion: 'v1', kind: 'Status', metadata: {} } as const;

export function exitStatus(exitCode: number): ExecStatus {
  if (exitCode === 0) return { ...base, status: 'Success' };
  return {
    ...base,
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

export function errorStatus(error: unknown): ExecStatus {
  const message = messageOf(error);
  return { ...base, status: 'Failure', reason: 'InternalError', message };
}

/** @returns the exit code, or the error that kept the command from having one */
export function readStatus({ status, message, details }: ExecStatus): number | Error {
  if (status === 'Success') return 0;
  const code = Number(details?.causes.find(({ reason }) => reason === 'ExitCode')?.message);
  return Number.isInteger(code) ? code : new Error(message ?? 'the command could not be run');
}
