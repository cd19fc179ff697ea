import { messageOf } from '../../cni/index.ts';
import type { CgroupDriver } from '../cgroups/names.ts';
import type { Log } from '../pods/deps.ts';
import type { DockerClient } from '../runtime/docker/index.ts';
import { type SecurityFacts, securityFacts } from '../security/index.ts';
import type { NodeInfo } from '../server/local/state.ts';
import { supportsRecursiveReadOnly } from './recursive-read-only.ts';

/** What the daemon knows of its runtime, and whether it answers. */
export interface RuntimeLink {
  /** Asks the runtime for what the daemon must know before pods run. */
  contact(signal: AbortSignal): Promise<void>;
  lost(error: unknown, failures: number): void;
  status(): NodeInfo['runtime'];
  cgroupDriver(): CgroupDriver;
  /** By what the runtime can confine containers. */
  security(): SecurityFacts;
  /** It can mount read-only what is mounted below a volume, too. */
  recursiveReadOnly(): boolean;
}

export function createRuntimeLink(
  client: Pick<DockerClient, 'info' | 'version'>,
  configuredDriver: CgroupDriver | undefined,
  log: Log,
): RuntimeLink {
  let status: NodeInfo['runtime'] = { name: 'docker', version: '', reachable: false, error: 'not reached yet' };
  let security = securityFacts([]);
  let recursiveReadOnly = false;
  return {
    contact: async (signal) => {
      const [info, { ApiVersion }] = await Promise.all([client.info(signal), client.version(signal)]);
      const { ServerVersion, CgroupDriver, Driver, LoggingDriver } = info;
      if (configuredDriver !== undefined && configuredDriver !== CgroupDriver) {
        throw new Error(
          `cgroupDriver is ${configuredDriver} in the configuration, but Docker uses ${CgroupDriver}: make them the same`,
        );
      }
      security = securityFacts(info.SecurityOptions ?? []);
      recursiveReadOnly = supportsRecursiveReadOnly(ApiVersion, info.KernelVersion ?? '');
      if (!status.reachable) {
        const fields = { version: ServerVersion, cgroupDriver: CgroupDriver, storage: Driver, logs: LoggingDriver };
        log.info(fields, 'Docker answers');
      }
      status = { name: 'docker', version: ServerVersion, reachable: true, cgroupDriver: CgroupDriver };
    },
    lost: (error, failures) => {
      const message = messageOf(error);
      // The first failure of an outage is told; the many that follow are not.
      if (failures === 0) log.warn({ err: error }, 'Docker does not answer, trying again until it does');
      const { cgroupDriver } = status;
      status = {
        name: 'docker',
        version: status.version,
        reachable: false,
        error: message,
        ...(cgroupDriver === undefined ? {} : { cgroupDriver }),
      };
    },
    status: () => status,
    security: () => security,
    recursiveReadOnly: () => recursiveReadOnly,
    cgroupDriver: () => configuredDriver ?? (status.cgroupDriver === 'systemd' ? 'systemd' : 'cgroupfs'),
  };
}
