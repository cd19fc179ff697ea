import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAffinities } from '../../../../proxy/nftables/affinity.ts';

/** As nft 1.0.6 prints it. */
const printed = {
  nftables: [
    { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
    { set: { family: 'ip', name: 'cluster-ips', table: 'kube-proxy', type: 'ipv4_addr', elem: ['192.0.2.129'] } },
    {
      set: {
        ...{ family: 'ip', name: 'affinity-A', table: 'kube-proxy', type: 'ipv4_addr', handle: 7, size: 65535 },
        ...{ flags: ['timeout'], timeout: 10800 },
        elem: [{ elem: { val: '198.51.100.9', expires: 7199 } }, { elem: { val: '198.51.100.8', expires: 0 } }],
      },
    },
    { set: { family: 'ip', name: 'affinity-B', table: 'kube-proxy', type: 'ipv4_addr', timeout: 10800 } },
  ],
};

test('reads the clients of the affinity sets that have time left', () => {
  expect(parseAffinities(JSON.stringify(printed))).toEqual(
    new Map([['affinity-A', [{ ip: '198.51.100.9', expiresSeconds: 7199 }]]]),
  );
});

test('takes any text', () => {
  expect(parseAffinities('')).toEqual(new Map());
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      parseAffinities(text);
      parseAffinities(`{"nftables":[{"set":${text}}]}`);
      parseAffinities(`{"nftables":[{"set":{"name":"affinity-A","elem":[${text}]}}]}`);
    }),
  );
});
