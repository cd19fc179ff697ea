import { describe, expect, it } from 'vitest';
import type { ApiObject } from '../../../agent/api/types.ts';
import { podRequests } from '../../../agent/objects/pod-resources.ts';
import { qosClass } from '../../../agent/objects/qos.ts';
import { dependsOn, objectReferences } from '../../../agent/objects/references.ts';
import { podFromApi } from '../../../agent/sources/api-pod.ts';
import { FULL_SPEC } from '../objects/full-pod.ts';

const object = (spec: object): ApiObject => ({ metadata: { name: 'web', namespace: 'default', uid: 'u1' }, spec });

/** What is computed of a pod outside of its worker, where an exception would end the daemon. */
const seen = (spec: object): unknown => {
  const pod = podFromApi(object(spec), 0);
  const references = objectReferences(pod);
  return [pod.spec.volumes.length, references.size, dependsOn(pod, references), podRequests(pod).size, qosClass(pod)];
};

describe('a pod of an API server', () => {
  it('may have all fields that there are', () => {
    expect(seen(FULL_SPEC)).toEqual([9, 4, true, 2, 'Burstable']);
  });

  it('may have volumes, claims and fields that nobody here knows', () => {
    const volumes = [
      { name: 'a', csi: { driver: 'test' } },
      { name: 'b', ephemeral: { volumeClaimTemplate: { spec: {} } } },
      { name: 'c', projected: { sources: [{ ofLater: {} }, { podCertificate: { signerName: 'x', keyType: 'y' } }] } },
      { name: 'd', ofLater: {} },
    ];
    const containers = [{ name: 'app', image: 'app', env: [{ name: 'A', valueFrom: { ofLater: {} } }], ofLater: [] }];
    const spec = { containers, volumes, resourceClaims: [{ name: 'gpu', ofLater: {} }], ofLater: { a: 1 } };
    expect(seen(spec)).toEqual([4, 1, true, 0, 'BestEffort']);
  });

  it('has no emptyDir for a volume of a source that nobody here knows', () => {
    const volumes = [{ name: 'a', ofLater: {} }, { name: 'b' }];
    expect(podFromApi(object({ containers: [], volumes }), 0).spec.volumes).toEqual([
      { name: 'a', ofLater: {} },
      { name: 'b', emptyDir: {} },
    ]);
  });

  it('keeps what an older version does not know', () => {
    expect(podFromApi(object({ containers: [], ofLater: { a: 1 } }), 0).spec).toMatchObject({ ofLater: { a: 1 } });
  });
});
