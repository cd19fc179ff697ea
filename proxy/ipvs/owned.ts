import { NODE_PORT_SETS, PROTOCOL_OPTIONS, type SetKind } from './names.ts';
import type { IpvsState, VirtualServer } from './state.ts';

const addressSets = [
  'KUBE-CLUSTER-IP',
  'KUBE-EXTERNAL-IP',
  'KUBE-EXTERNAL-IP-LOCAL',
  'KUBE-LOAD-BALANCER',
] as const satisfies readonly SetKind[];

/**
 * Whether a virtual server is one of the proxy's: its address and port are in one of our sets, which are written before and emptied
 * after it. Others, as of keepalived, are left alone.
 */
export function isOwned({ service }: VirtualServer, sets: IpvsState['sets']): boolean {
  const [option = '', socket = ''] = service.split(' ');
  const [, ip = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(socket) ?? [];
  const has = (kind: SetKind, entry: string): boolean => sets.get(kind)?.has(entry) === true;
  return (['TCP', 'UDP', 'SCTP'] as const).some((protocol) => {
    if (PROTOCOL_OPTIONS[protocol] !== option) return false;
    const entry = `${ip},${protocol.toLowerCase()}:${port}`;
    const nodePorts = NODE_PORT_SETS[protocol].all;
    return addressSets.some((kind) => has(kind, entry)) || has(nodePorts, protocol === 'SCTP' ? entry : port);
  });
}
