import { Writable } from 'node:stream';
import { createDockerClient } from '../../../agent/runtime/docker/client.ts';
import { createDockerRuntime } from '../../../agent/runtime/docker/runtime.ts';
import type { ContainerConfig, ContainerRuntime, ContainerSecurity } from '../../../agent/runtime/types.ts';
import type { PodNetwork } from '../../../cni/index.ts';
import { createHost, type TestHost } from '../../lab/index.ts';

/** The Docker runtime on the dockerd of a test host, without a pod network. */
export interface RuntimeHost {
  readonly host: TestHost;
  readonly runtime: ContainerRuntime;
  /** Starts a container that runs the script; resolves to its ID. */
  run(script: string, overrides?: Partial<ContainerConfig>): Promise<string>;
  /** What a container has printed to stdout; waits for its end. */
  output(id: string): Promise<string>;
}

export const never = new AbortController().signal;
const images = [
  { name: 'podwright-test/busybox:1', config: { Cmd: ['sh'] } },
  { name: 'podwright-test/sandbox:1', config: { Cmd: ['sleep', '100000'] } },
  { name: 'podwright-test/nobody:1', config: { User: 'app' } },
];
const pod = { name: 'p', namespace: 'default', uid: 'runtime-test' };
const namespaces = { hostNetwork: true, hostPid: false, hostIpc: false, shareProcessNamespace: false };

/** No field says anything: what a pod without any security context gets. */
export const plainSecurity: ContainerSecurity = {
  user: undefined,
  supplementalGroups: [],
  privileged: false,
  noNewPrivileges: false,
  readOnlyRootFilesystem: false,
  capabilitiesToAdd: [],
  capabilitiesToDrop: [],
  seccomp: { type: 'Unconfined' },
  apparmorProfile: undefined,
  selinuxLabels: [],
  maskedPaths: undefined,
  readonlyPaths: undefined,
};

export async function createRuntimeHost(): Promise<RuntimeHost> {
  const host = await createHost({ images });
  const runtime = createDockerRuntime({
    client: createDockerClient(`unix://${host.dockerSocket}`, 30_000),
    network: withoutNetwork,
    defaults: { logMaxSizeBytes: 1_000_000, logMaxFiles: 2, minOomScoreAdj: 0 },
    limitStarts: (start) => start(),
    logs: { podLogsDir: `${host.dir}/pods`, containerLogsDir: `${host.dir}/containers` },
  });
  const sandbox = await runtime.runPodSandbox(sandboxConfig(), never);
  await sandbox.ready;
  let containers = 0;
  return {
    host,
    runtime,
    run: async (script, overrides = {}) => {
      containers += 1;
      const config = { ...containerConfig(`c${containers}`, script), ...overrides };
      const id = await runtime.createContainer(sandbox.id, config, never);
      await runtime.startContainer(id, never);
      return id;
    },
    output: async (id) => {
      const stdout = new Collector();
      const options = { follow: true, tailLines: undefined, since: undefined, timestamps: false };
      await runtime.containerLogs(id, options, { stdout, stderr: stdout }, never);
      return stdout.text;
    },
  };
}

/** Keeps all that is written to it. */
export class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    this.emit('text', this.text);
    done();
  }

  /** Resolves when the text holds `part`. */
  async until(part: string): Promise<void> {
    while (!this.text.includes(part)) await new Promise((resolve) => this.once('text', resolve));
  }
}

function sandboxConfig(): Parameters<ContainerRuntime['runPodSandbox']>[0] {
  return {
    pod,
    attempt: 0,
    image: 'podwright-test/sandbox:1',
    hostname: 'p',
    security: {
      privileged: false,
      seccomp: { type: 'RuntimeDefault' },
      selinuxLabels: [],
      runAsUser: 1234,
      runAsGroup: 2345,
    },
    labels: {},
    annotations: {},
    namespaces,
    portMappings: [],
    cgroupParent: undefined,
    sysctls: { 'kernel.shm_rmid_forced': '1' },
  };
}

function containerConfig(name: string, script: string): ContainerConfig {
  return {
    pod,
    name,
    attempt: 0,
    image: 'podwright-test/busybox:1',
    command: ['sh', '-c', script],
    args: undefined,
    workingDir: undefined,
    env: [],
    mounts: [],
    labels: {},
    annotations: {},
    namespaces,
    security: plainSecurity,
    stopSignal: undefined,
    resources: { cpuShares: 2, cpuQuota: 0, cpuPeriod: 0, memoryLimit: 0 },
    cgroupParent: undefined,
    oomScoreAdj: 1000,
    stdin: false,
    stdinOnce: false,
    tty: false,
  };
}

const unused = (): Promise<never> => Promise.reject(new Error('these pods are on the host network'));

const withoutNetwork: PodNetwork = {
  setup: unused,
  add: unused,
  del: unused,
  check: unused,
  gc: unused,
  cached: () => Promise.resolve(undefined),
  status: () => ({ ready: true, name: 'none', plugins: [], cidrs: [], isOwn: true }),
  setPodCidrs: () => undefined,
  setNodes: () => undefined,
  routesChanged: () => Promise.resolve(false),
  podSysctls: () => ({}),
};
