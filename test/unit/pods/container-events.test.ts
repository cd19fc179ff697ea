import { describe, expect, it } from 'vitest';
import { stopContext } from '../../../agent/pods/end.ts';
import { annotation } from '../../../agent/pods/annotations.ts';
import { computePodActions } from '../../../agent/pods/plan.ts';
import { containerReference } from '../../../agent/pods/references.ts';
import { container, facts, instance, observed, pod, sandbox } from './fixtures.ts';

const whole = pod({
  initContainers: [container('side', { restartPolicy: 'Always' })],
  containers: [container('app')],
  ephemeralContainers: [container('debug')],
});
const deps = { node: { hostIps: () => ['198.51.100.1'] } };
const identity = { name: 'web-node', namespace: 'default', uid: 'u1' };

describe('the part of a pod that events are about', () => {
  it.each([
    ['side', 'spec.initContainers{side}'],
    ['app', 'spec.containers{app}'],
    ['debug', 'spec.ephemeralContainers{debug}'],
  ])('%s: %s', (name, fieldPath) => {
    expect(containerReference(whole, { name })).toEqual({ ...identity, kind: 'Pod', fieldPath });
    expect(stopContext(deps, identity, whole, observed()).pathOf(instance(name))).toBe(fieldPath);
  });

  it('is told as far as it is known when the manifest is gone', () => {
    const { pathOf } = stopContext(deps, identity, undefined, observed());
    const side = instance('side', { annotations: { [annotation.sidecarIndex]: '0' } });
    expect([side, instance('app')].map(pathOf)).toEqual(['spec.initContainers{side}', 'spec.containers{app}']);
  });
});

describe('the address that a hook without a host goes to', () => {
  it.each([
    ['the pod’s', sandbox({ ips: ['203.0.113.2'] }), '203.0.113.2'],
    ['the node’s on the host network', sandbox({ hostNetwork: true, ips: [] }), '198.51.100.1'],
  ])('%s', (_, own, podIp) => {
    expect(stopContext(deps, identity, whole, observed([own])).podIp).toBe(podIp);
  });
});

describe('the message of a container that a probe ends', () => {
  it.each([
    ['side', 'Init container side failed liveness probe'],
    ['app', 'Container app failed liveness probe, will be restarted'],
  ])('%s: %s', (name, message) => {
    const running = [instance('app'), instance('side')];
    const failure = (id: string) => (id === `${name}-0` ? { kind: 'liveness' as const, graceSeconds: 7 } : undefined);
    const probes = { isStarted: () => true, failure };
    const { killContainers } = computePodActions(whole, observed([sandbox()], running), facts({ probes }));
    expect(killContainers.map(({ container: { name: killed }, ...rest }) => ({ killed, ...rest }))).toEqual([
      { killed: name, message, graceSeconds: 7 },
    ]);
  });
});
