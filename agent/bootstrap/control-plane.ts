import { JoinError } from './error.ts';
import type { JoinFile } from './join-file.ts';
import type { JoinFlags } from './settings.ts';

/** Whether the user asks for a further node of the control plane. */
export function hasControlPlane(flags: JoinFlags, file: JoinFile | undefined): boolean {
  const { controlPlane, certificateKey, apiserverAdvertiseAddress, apiserverBindPort } = flags;
  const given = [certificateKey, apiserverAdvertiseAddress, apiserverBindPort];
  return controlPlane === true || given.some((flag) => flag !== undefined) || (file?.controlPlane ?? null) !== null;
}

export function refuseControlPlane(): JoinError {
  return new JoinError(
    'podwright joins as a worker only: it has no part that runs a control plane',
    'leave out --control-plane and what belongs to it, or use kubeadm and the kubelet on this machine',
  );
}
