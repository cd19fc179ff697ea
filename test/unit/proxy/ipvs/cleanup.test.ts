import { describe, expect, it } from 'vitest';
import { renderRulesCleanup } from '../../../../proxy/ipvs/cleanup.ts';

const natOfBothModes = `*nat
:PREROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
COMMIT
`;

const mangle = `*mangle
:OUTPUT ACCEPT [0:0]
:KUBE-IPVS-NO-ENDPOINTS - [0:0]
:OTHER - [0:0]
-A OUTPUT -j OTHER
-A OUTPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-NO-ENDPOINTS
-A KUBE-IPVS-NO-ENDPOINTS -m set --match-set KUBE-NO-USABLE-ENDPOINTS dst,dst -j DROP
COMMIT
`;

const withoutMangle = `*mangle
:KUBE-IPVS-NO-ENDPOINTS - [0:0]
-D OUTPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-NO-ENDPOINTS
-X KUBE-IPVS-NO-ENDPOINTS
COMMIT
`;

const withoutNat = `*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-X KUBE-MARK-MASQ
-X KUBE-SERVICES
COMMIT
`;

describe('the clean-up of chains', () => {
  it.each([
    { what: 'leaves what the mode iptables has', saved: natOfBothModes, input: '' },
    { what: 'removes the first table of a daemon that ended before the next one', saved: mangle, input: withoutMangle },
    { what: 'removes all tables', saved: mangle + natOfBothModes, input: withoutMangle + withoutNat },
    { what: 'needs nothing on an empty host', saved: '', input: '' },
  ])('$what', ({ saved, input }) => {
    expect(renderRulesCleanup(saved)).toBe(input);
  });
});
