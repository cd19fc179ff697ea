import type { FieldPath } from '../field-path.ts';
import { forbidden, required, type FieldProblem } from '../field-problem.ts';
import { dns1123Subdomain } from '../names.ts';
import type { Shape } from '../schema.ts';
import type { Service } from '../types.ts';
import { check } from '../validate-metadata.ts';
import { oneOf, validateIp } from '../validate-values.ts';

type Status = NonNullable<Service['status']>;
type Ingress = NonNullable<NonNullable<Status['loadBalancer']>['ingress']>[number];

const MODES = ['Proxy', 'VIP'];

/** A node without an API server learns from the manifest where a load balancer in front of it is. */
export const serviceStatus: Shape = {
  fields: {
    conditions: 'any',
    loadBalancer: {
      fields: { ingress: { list: { fields: { hostname: 'string', ip: 'string', ipMode: 'string', ports: 'any' } } } },
    },
  },
};

/** As `ValidateLoadBalancerStatus` (pkg/apis/core/validation). */
export function validateStatus({ spec, status }: Service, base: FieldPath): readonly FieldProblem[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const path = [...base, 'status', 'loadBalancer', 'ingress'];
  if (ingress.length > 0 && spec?.type !== 'LoadBalancer') {
    return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap((one, index) => validateIngress(one, [...path, index]));
}

function validateIngress({ ip, hostname, ipMode }: Ingress, path: FieldPath): readonly FieldProblem[] {
  const mode = [...path, 'ipMode'];
  return [
    ...(ip ? validateIp(ip, [...path, 'ip']) : []),
    ...(hostname ? check(hostname, dns1123Subdomain, [...path, 'hostname']) : []),
    ...(ip || hostname ? [] : [required(path, 'must have `ip` or `hostname`')]),
    ...(ipMode === undefined ? [] : ip ? oneOf(ipMode, MODES, mode) : [forbidden(mode, 'may only be set with `ip`')]),
  ];
}

/** Every address with its mode. */
export function completeStatus(status: Status): Status {
  const ingress = status.loadBalancer?.ingress;
  if (ingress === undefined) return status;
  const complete = ingress.map((one) => (one.ip ? { ...one, ipMode: one.ipMode ?? 'VIP' } : one));
  return { ...status, loadBalancer: { ...status.loadBalancer, ingress: complete } };
}
