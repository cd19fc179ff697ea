import type { Cluster } from '../lab/index.ts';
import { cut, type End } from './cut.ts';
import type { ControlPlaneFault } from './plan.ts';
import type { World } from './world.ts';

/** Begins a fault of the cluster that the host is a node of. Resolves to what ends it. */
export async function beginInControlPlane({ cluster }: World, fault: ControlPlaneFault): Promise<End> {
  if (cluster === undefined) throw new Error('a fault of the control plane where there is none');
  switch (fault.kind) {
    case 'API server is killed':
      await cluster.stopApiServer('SIGKILL');
      return cluster.startApiServer;
    case 'API server is stopped':
      return stopApiServer(cluster);
    case 'etcd is killed':
      await cluster.stopEtcd('SIGKILL');
      return cluster.startEtcd;
    case 'link of the control plane is cut':
      return cut(cluster, 'eth0');
    case 'certificate of the API server is renewed':
      await cluster.renewServingCertificate();
      await cluster.stopApiServer('SIGKILL');
      return cluster.startApiServer;
    case 'controllers are killed':
      await Promise.all([cluster.stopControllerManager('SIGKILL'), cluster.stopScheduler('SIGKILL')]);
      return () => {
        cluster.startControllerManager();
        cluster.startScheduler();
      };
  }
}

/** It takes no new connection then, while the watches that it has go on for as long as a minute. */
function stopApiServer(cluster: Cluster): End {
  const stopped = cluster.stopApiServer('SIGTERM');
  return async () => {
    await cluster.stopApiServer('SIGKILL');
    await stopped;
    await cluster.startApiServer();
  };
}
