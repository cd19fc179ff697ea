import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod } from '../objects/types.ts';
import type { ContainerSecurity, SandboxSecurity } from '../runtime/types.ts';
import { effectiveSeccomp } from './effective.ts';
import { verifyRunAsNonRoot } from './non-root.ts';
import { isDescending } from './problems.ts';
import { containerSecurity, sandboxSecurity } from './render.ts';

export interface SecurityOptions {
  /** As `seccompDefault` of the kubelet's configuration. */
  readonly seccompDefault: boolean;
  /** `/var/lib/kubelet`; profiles are below its `seccomp`. */
  readonly rootDir: string;
}

/** What a security context comes to on this node. */
export interface NodeSecurity {
  /**
   * @param imageUser the image's `USER`, empty when it names none
   * @throws when a seccomp profile of the node cannot be read
   */
  container(pod: Pod, container: Container, imageUser: string): Promise<ContainerSecurity>;
  sandbox(pod: Pod): Promise<SandboxSecurity>;
  /** Why a container may not run with the user that its image names; undefined when it may. */
  runAsNonRootProblem(pod: Pod, container: Container, imageUser: string): string | undefined;
}

export function createSecurity({ seccompDefault, rootDir }: SecurityOptions): NodeSecurity {
  return {
    container: async (pod, container, imageUser) => {
      const { type, localhostProfile } = effectiveSeccomp(pod, container, seccompDefault);
      const profile = type === 'Localhost' ? await readProfile(join(rootDir, 'seccomp'), localhostProfile ?? '') : '';
      return containerSecurity(pod, container, { seccompDefault, seccompProfile: () => profile, imageUser });
    },
    sandbox: (pod) => Promise.resolve(sandboxSecurity(pod)),
    runAsNonRootProblem: verifyRunAsNonRoot,
  };
}

async function readProfile(directory: string, localPath: string): Promise<string> {
  if (!isDescending(localPath)) {
    throw new Error(
      `seccomp profile ${JSON.stringify(localPath)}: must be a relative path without .., below ${directory}`,
    );
  }
  const path = join(directory, localPath);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot read seccomp profile ${path}: ${(error as Error).message}`, { cause: error });
  }
}
