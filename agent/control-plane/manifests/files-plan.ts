import { join } from 'node:path';
import { type NewFile, secretMode } from '../files.ts';
import type { InitSettings } from '../settings.ts';
import { renderApiServer } from './api-server-render.ts';
import { renderControllerManager, renderScheduler } from './controllers-render.ts';
import { renderEtcd } from './etcd-render.ts';
import type { HostFacts } from './mounts-plan.ts';
import { renderYaml } from './pod-render.ts';

/** The static pods of a control plane, by the names that kubeadm gives their files. */
export function manifestFiles(settings: InitSettings, host: HostFacts): readonly NewFile[] {
  const file = (name: string, pod: object): NewFile => ({
    path: join(settings.paths.manifests, `${name}.yaml`),
    content: renderYaml(pod),
    mode: secretMode,
  });
  return [
    file('etcd', renderEtcd(settings)),
    file('kube-apiserver', renderApiServer(settings, host)),
    file('kube-controller-manager', renderControllerManager(settings, host)),
    file('kube-scheduler', renderScheduler(settings)),
  ];
}
