import { type Namespaces, createNamespaces } from '../cni/namespaces.ts';
import { connectPeer, type Peer } from '../cni/traffic.ts';

/** A node with pods on a bridge, and another host beside it that has a route to the range of Services. */
export interface ProxyLab extends Namespaces {
  readonly pods: readonly { readonly name: string; readonly ip: string; readonly ip6: string }[];
  readonly peer: Peer;
}

/** Pods are 203.0.113.2 and up (2001:db8:1::2 and up), the node 198.51.100.1, the other host 198.51.100.2. */
export function createProxyLab(label: string, podCount: number): ProxyLab {
  const spaces = createNamespaces(label);
  const { host } = spaces;
  const run = (...command: Parameters<typeof spaces.run>): string => spaces.run(...command);
  run(host, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  // Refusals are answered every time, not once a second for each client; nor are redirects counted among them.
  run(host, 'sysctl', '-q', '-w', 'net.ipv4.icmp_ratemask=0', 'net.ipv4.conf.all.send_redirects=0');
  run(host, 'sysctl', '-q', '-w', 'net.ipv4.conf.default.send_redirects=0');
  run(host, 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
  run(host, 'ip', 'addr', 'add', '203.0.113.1/24', 'dev', 'cni0');
  run(host, 'ip', 'addr', 'add', '2001:db8:1::1/64', 'dev', 'cni0', 'nodad');
  run(host, 'ip', 'link', 'set', 'cni0', 'up');
  const pods = spaces.addPods(podCount).map((name, index) => {
    const [ip, ip6] = [`203.0.113.${index + 2}`, `2001:db8:1::${index + 2}`];
    run(host, 'ip', 'link', 'add', `veth${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    run(host, 'ip', 'link', 'set', `veth${index}`, 'master', 'cni0', 'up');
    // A pod that reaches itself comes back by the port that it came from.
    run(host, 'ip', 'link', 'set', `veth${index}`, 'type', 'bridge_slave', 'hairpin', 'on');
    for (const link of ['lo', 'eth0']) run(name, 'ip', 'link', 'set', link, 'up');
    run(name, 'ip', 'addr', 'add', `${ip}/24`, 'dev', 'eth0');
    run(name, 'ip', 'addr', 'add', `${ip6}/64`, 'dev', 'eth0', 'nodad');
    run(name, 'ip', 'route', 'add', 'default', 'via', '203.0.113.1');
    run(name, 'ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:1::1');
    return { name, ip, ip6 };
  });
  const peer = connectPeer(spaces);
  // The node sends to a cluster IP by its default route, the other host by the node.
  run(host, 'ip', 'route', 'add', 'default', 'via', '198.51.100.2');
  run(host, 'ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:2::2');
  run(peer.name, 'ip', 'route', 'add', '192.0.2.0/24', 'via', '198.51.100.1');
  return { ...spaces, pods, peer };
}
