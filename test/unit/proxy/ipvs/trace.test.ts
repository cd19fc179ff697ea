import { describe, expect, it } from 'vitest';
import { traceIpvs } from '../../../../proxy/ipvs/index.ts';
import { endpoint, planOf, port } from './helpers.ts';

const NODE = { localAddresses: ['198.51.100.1'] };
const fromPod = { src: '203.0.113.4', dst: '192.0.2.130', port: 80, protocol: 'TCP', sourceKind: 'pod' } as const;

describe('a trace', () => {
  it('names the rules that match and the real servers, each with its part', () => {
    const plan = planOf([port([endpoint('203.0.113.11'), endpoint('203.0.113.12')])]);
    expect(traceIpvs(plan, fromPod, NODE)).toEqual({
      verdict: 'dnat',
      endpoints: ['203.0.113.11', '203.0.113.12'].map((ip) => ({
        ...{ ip, port: 8080, probability: 0.5, masquerade: false },
      })),
      steps: [
        'nat PREROUTING "kubernetes service portals": goes to KUBE-SERVICES',
        'nat KUBE-SERVICES: goes to KUBE-NODE-PORT',
        'nat KUBE-SERVICES: accepted',
        'filter INPUT "kubernetes ipvs access filter": goes to KUBE-IPVS-FILTER',
        'filter KUBE-IPVS-FILTER: returns',
        'filter INPUT "kube-proxy firewall rules": goes to KUBE-PROXY-FIREWALL',
        'filter INPUT "kubernetes health check rules": goes to KUBE-NODE-PORT',
        'ipvs -t 192.0.2.130:80: translated to 203.0.113.11:8080',
        'filter OUTPUT "kubernetes ipvs access filter": goes to KUBE-IPVS-OUT-FILTER',
        'nat POSTROUTING "kubernetes postrouting rules": goes to KUBE-POSTROUTING',
        'nat KUBE-POSTROUTING: returns',
        'ipvs -t 192.0.2.130:80: translated to 203.0.113.12:8080',
      ],
    });
  });

  it('says that a virtual server without real servers refuses', () => {
    const { verdict, steps } = traceIpvs(planOf([port([])]), fromPod, NODE);
    expect([verdict, steps.at(-1)]).toEqual(['reject', 'ipvs -t 192.0.2.130:80: rejected, it has no real server']);
  });

  it.each([
    { what: 'the node is in no range', sourceRanges: ['203.0.113.4/32'], verdict: 'drop' },
    { what: 'the node is in a range', sourceRanges: ['198.51.100.0/24'], verdict: 'dnat' },
  ])('asks for the virtual server behind a translation: $what', ({ sourceRanges, verdict }) => {
    const plan = planOf([port([endpoint('203.0.113.11')], { loadBalancerIps: ['192.0.2.141'], sourceRanges })]);
    const packet = { ...fromPod, src: '198.51.100.1', dst: '192.0.2.141', sourceKind: 'node' } as const;
    expect(traceIpvs(plan, packet, NODE).verdict).toBe(verdict);
  });
});
