import { expect, test } from 'vitest';
import { renderHostsFile, type HostsFileInput } from '../../../agent/environment/index.ts';

const LOCAL =
  '# Kubernetes-managed hosts file.\n' +
  '127.0.0.1\tlocalhost\n' +
  '::1\tlocalhost ip6-localhost ip6-loopback\n' +
  'fe00::0\tip6-localnet\n' +
  'fe00::0\tip6-mcastprefix\n' +
  'fe00::1\tip6-allnodes\n' +
  'fe00::2\tip6-allrouters\n';

const BASE: HostsFileInput = {
  podIps: ['192.0.2.7'],
  hostname: 'web',
  domain: undefined,
  hostAliases: undefined,
  nodeHosts: undefined,
};

test.each<[string, Partial<HostsFileInput>, string]>([
  ['one address', {}, `${LOCAL}192.0.2.7\tweb\n`],
  ['no address yet', { podIps: [] }, LOCAL],
  [
    'two families and a domain',
    { podIps: ['192.0.2.7', '2001:db8::7'], hostname: 'db-0', domain: 'db.shop.svc.cluster.local' },
    `${LOCAL}192.0.2.7\tdb-0.db.shop.svc.cluster.local\tdb-0\n2001:db8::7\tdb-0.db.shop.svc.cluster.local\tdb-0\n`,
  ],
  [
    'aliases',
    {
      hostAliases: [
        { ip: '192.0.2.9', hostnames: ['one.example', 'two'] },
        { ip: '2001:db8::9', hostnames: ['six'] },
      ],
    },
    `${LOCAL}192.0.2.7\tweb\n\n# Entries added by HostAliases.\n192.0.2.9\tone.example\ttwo\n2001:db8::9\tsix\n`,
  ],
  ['an empty list of aliases', { hostAliases: [] }, `${LOCAL}192.0.2.7\tweb\n`],
  [
    'the host network',
    { nodeHosts: '127.0.0.1 localhost node-1\n# by hand\n' },
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost node-1\n# by hand\n',
  ],
  [
    'the host network and aliases',
    { nodeHosts: '127.0.0.1 localhost', hostAliases: [{ ip: '192.0.2.9', hostnames: ['one'] }] },
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n' +
      '# Entries added by HostAliases.\n192.0.2.9\tone\n',
  ],
  [
    'the host network of a node without a hosts file',
    { nodeHosts: '' },
    '# Kubernetes-managed hosts file (host network).\n',
  ],
])('%s', (_, input, expected) => expect(renderHostsFile({ ...BASE, ...input })).toBe(expected));
