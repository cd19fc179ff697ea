import { describe, expect, it } from 'vitest';
import { type InitFacts, planInitPreflight } from '../../../agent/control-plane/preflight-plan.ts';

const clean: InitFacts = {
  takenPorts: [],
  foreignFiles: [],
  foreignData: undefined,
  missingArchives: [],
  isRerun: false,
};

describe('the checks of an init', () => {
  it('find nothing on a host without a control plane', () => {
    expect(planInitPreflight(clean)).toEqual([]);
  });

  it.each<[Partial<InitFacts>, string, string]>([
    [{ takenPorts: [6443] }, 'Port-6443', 'Port 6443 is in use, which kube-apiserver needs'],
    [{ takenPorts: [2379] }, 'Port-2379', 'Port 2379 is in use, which etcd needs'],
    [
      { foreignFiles: ['/etc/kubernetes/manifests/etcd.yaml'] },
      'FileAvailable--etc-kubernetes-manifests-etcd.yaml',
      '/etc/kubernetes/manifests/etcd.yaml already exists',
    ],
    [
      { foreignData: '/var/lib/etcd' },
      'DirAvailable--var-lib-etcd',
      '/var/lib/etcd is not empty: etcd would go on with the data of another cluster',
    ],
    [{ missingArchives: ['images.tar'] }, 'ImageArchive', 'images.tar cannot be read'],
  ])('%j is the failure %s', (change, name, message) => {
    expect(planInitPreflight({ ...clean, ...change })).toEqual([
      { name, message, level: 'FAIL', fix: expect.any(String) as string },
    ]);
  });

  it('take what listens for our own after an earlier run', () => {
    expect(planInitPreflight({ ...clean, takenPorts: [6443, 2379], isRerun: true })).toEqual([]);
  });
});
