/*
 * Routes to pods of other nodes, as input of `ip -batch` and `bridge -batch`:
 *
 *   route  <podCIDR> via <node's address> dev <link> proto 112 metric 112           a node on the same link
 *          <podCIDR> via <its first address> dev podwright.1 onlink proto 112 …     a node behind a router
 *   neigh  <first address of the podCIDR> -> MAC of the node's device               for the route above
 *   fdb    MAC of the node's device -> node's address                               outer destination
 *
 * podwright.1 is a VXLAN device that learns nothing: what it knows is told. Its addresses are the first ones of this node's
 * podCIDRs, which no pod has.
 */

import type { RouteChanges, TunnelChange } from './changes-plan.ts';
import { routeMetric, routeProtocol, tunnelDevice, tunnelPort, tunnelVni } from './names.ts';
import type { PeerRoute, Tunnel } from './types.ts';

/** Lines for `ip -batch -`; what comes first is needed by what comes after it. */
export function renderIp({ routes, tunnel, dropAddresses }: RouteChanges): readonly string[] {
  const { remove, create, up, addresses, neighbours } = tunnel;
  const on = `dev ${tunnelDevice}`;
  return [
    ...dropAddresses.map(({ dev, address }) => `addr del ${address} dev ${dev}`),
    ...(remove ? [`link del ${on}`] : []),
    ...(create === undefined ? [] : renderDevice(create)),
    ...addresses.drop.map((address) => `addr del ${address} ${on}`),
    ...addresses.put.map((address) => `addr replace ${address} ${on}${address.includes(':') ? ' nodad' : ''}`),
    ...(up ? [`link set ${on} up`] : []),
    ...routes.drop.map((route) => `route del ${renderRoute(route)}`),
    ...neighbours.drop.map(({ ip }) => `neigh del ${ip} ${on}`),
    ...neighbours.put.map(({ ip, mac }) => `neigh replace ${ip} lladdr ${mac} nud permanent ${on}`),
    ...routes.put.map((route) => `route replace ${renderRoute(route)}`),
  ];
}

function renderDevice({ link, local, mac, mtu }: Tunnel): string[] {
  const vxlan = `id ${tunnelVni} dev ${link} local ${local} dstport ${tunnelPort} nolearning`;
  return [`link add name ${tunnelDevice} mtu ${mtu} address ${mac} type vxlan ${vxlan}`];
}

function renderRoute({ dst, via, dev, onlink }: PeerRoute): string {
  return `${dst} via ${via} dev ${dev}${onlink ? ' onlink' : ''} proto ${routeProtocol} metric ${routeMetric}`;
}

/** Lines for `bridge -batch -`. An entry of a MAC is replaced as a whole: one without another destination is the rule. */
export function renderFdb({ fdb }: TunnelChange): readonly string[] {
  const entry = ({ mac, dst }: Tunnel['fdb'][number]): string => `${mac} dev ${tunnelDevice} dst ${dst} self`;
  return [
    ...fdb.drop.map((one) => `fdb del ${entry(one)}`),
    ...fdb.put.map((one) => `fdb replace ${entry(one)} permanent`),
  ];
}
