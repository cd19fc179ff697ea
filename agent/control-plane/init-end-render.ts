import { join } from 'node:path';
import { renderJoinCommand } from './join-command-render.ts';
import { type InitSettings, serverUrl } from './settings.ts';

/** The last words of an init: how to use the cluster, and how the next node joins it. */
export function renderEnd(settings: InitSettings, ca: string): string {
  const { nodeName, taints, tokens, kubernetesDir, skipTokenPrint } = settings;
  const admin = join(kubernetesDir, 'admin.conf');
  const [first] = tokens;
  const key = 'node-role.kubernetes.io/control-plane:NoSchedule';
  return [
    '',
    'The control plane of the cluster runs.',
    '',
    'To use it as a regular user:',
    '',
    '  mkdir -p $HOME/.kube',
    `  sudo cp -i ${admin} $HOME/.kube/config`,
    '  sudo chown $(id -u):$(id -g) $HOME/.kube/config',
    '',
    ...(taints.length > 0
      ? []
      : [`Pods of all users may run on this node; to keep them away: kubectl taint nodes ${nodeName} ${key}`, '']),
    ...(first === undefined || skipTokenPrint
      ? ['To let further nodes join: podwright token create --print-join-command']
      : [
          'To let a further node join, run there as root:',
          '',
          `  ${renderJoinCommand(serverUrl(settings), ca, first.token)}`,
        ]),
  ].join('\n');
}
