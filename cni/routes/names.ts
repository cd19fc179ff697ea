/**
 * Number of the routing protocol that own routes are marked with: free in iproute2's rt_protos and in the kernel's
 * rtnetlink.h. Routes of any other protocol are never touched.
 */
export const routeProtocol = 112;

/** A metric of their own: a route that somebody else made to the same range has none, and goes before. */
export const routeMetric = 112;

/** The VXLAN device is found by its name. VNI and port are those that Linux and flannel have as defaults. */
export const tunnelDevice = 'podwright.1';
export const tunnelVni = 1;
export const tunnelPort = 8472;

/** What VXLAN takes of a packet: outer IP header, UDP, VXLAN and inner Ethernet header (RFC 7348 section 5). */
export const tunnelOverhead = (underlay: string): number => (underlay.includes(':') ? 70 : 50);
