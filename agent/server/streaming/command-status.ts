import { errorStatus, exitStatus } from '../local/exec-status.ts';
import type { CommandEnd } from './types.ts';

/**
 * What the error stream carries at the end: from version 4 on a v1 Status in JSON, before it the text of a failure and
 * nothing for success (kubelet `pkg/cri/streaming/remotecommand/httpstream.go`, `v4WriteStatusFunc`, `v1WriteStatusFunc`).
 */
export function renderEnd(end: CommandEnd, form: 'status' | 'text'): string {
  const status = typeof end === 'number' ? exitStatus(end) : errorStatus(end);
  if (form === 'status') return JSON.stringify(status);
  return status.status === 'Success' ? '' : (status.message ?? 'the command failed');
}
