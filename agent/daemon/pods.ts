import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exec, type PodNetwork } from '../../cni/index.ts';
import { nodeLabels } from '../admission/node-labels.ts';
import type { AdmissionNode } from '../admission/types.ts';
import { Backoff } from '../backoff.ts';
import type { CgroupSettings } from '../cgroups/names.ts';
import { noPodCgroups } from '../cgroups/no-pod-cgroups.ts';
import { createPodCgroups, type PodCgroups } from '../cgroups/pod-cgroups.ts';
import { kubepodsResources } from '../cgroups/resources-plan.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/index.ts';
import type { EventRecorder } from '../events/types.ts';
import { nodeCredentials } from '../images/node-credentials.ts';
import type { PullProgress } from '../images/progress.ts';
import { createTokenBucket } from '../token-bucket.ts';
import { pullSecretsOf } from '../images/pull-secrets.ts';
import { createImagePuller, type ImageRequest } from '../images/puller.ts';
import { createSandboxImage } from '../images/sandbox-image.ts';
import type { AddressWatch } from '../node/address-watch.ts';
import type { KnownNode } from '../node/api/known-node.ts';
import { createAdmission, createResizeAdmission } from '../node/admission.ts';
import { allocatable, enforcedAllocatable, type NodeResources } from '../node/allocatable.ts';
import { nodeCapacity } from '../node/resources.ts';
import type { RuntimeLink } from '../node/runtime-link.ts';
import { containerList } from '../objects/container-path.ts';
import type { ObjectReader, Pod } from '../objects/types.ts';
import { createStatusCheckpoints } from '../pods/checkpoint.ts';
import type { Log, PodDeps } from '../pods/deps.ts';
import { createPodIdentityFiles } from '../pods/identity.ts';
import type { PodManager } from '../pods/manager-types.ts';
import { linuxResources } from '../pods/resources.ts';
import { createProbeManager } from '../probes/index.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { createSecurity } from '../security/index.ts';
import type { VolumeImages } from '../volumes/image.ts';
import { podDir } from '../volumes/paths.ts';
import { createPodVolumes } from '../volumes/pod-volumes.ts';
import type { ClusterGrants } from './cluster-grants.ts';
import type { Foundation } from './foundation.ts';

/** The kubelet's `MaxContainerBackOff` begins here. */
const crashBackoffInitialMs = 10_000;
const sandboxBackoffMs = { initialMs: 1_000, maxMs: 10_000 } as const;

export interface PodParts {
  readonly log: Log;
  readonly events: EventRecorder;
  readonly network: PodNetwork;
  readonly runtime: ContainerRuntime;
  readonly link: RuntimeLink;
  readonly addresses: Pick<AddressWatch, 'current'>;
  readonly objects: ObjectReader;
  /** What only an API server gives to pods; absent for a node that stands alone. */
  readonly grants?: ClusterGrants | undefined;
  /** Absent for a node that stands alone. */
  readonly knownNode?: KnownNode | undefined;
  readonly counters: Pick<Foundation['counters'], 'probes' | 'kubelet'>;
  /** The manager that will act through what is made here. */
  readonly manager: () => PodManager;
}

/** What pod workers act through, and what else is told of it. */
export interface NodePodDeps extends PodDeps {
  /** Image pulls that are under way. */
  readonly pulls: () => readonly PullProgress[];
  /** What this machine has, and what of it pods may request. */
  readonly capacity: NodeResources;
  readonly allocatable: NodeResources;
}

/** Puts together all that pod workers act through. */
export async function createPodDeps(config: Config, parts: PodParts): Promise<NodePodDeps> {
  const clock = systemClock;
  const { log, events, runtime, link, manager, objects, grants, knownNode } = parts;
  const ownLabels = nodeLabels(config.nodeName, process.arch, config.nodeLabels);
  await mkdir(config.rootDir, { recursive: true });
  const capacity = await nodeCapacity({
    rootDir: config.rootDir,
    maxPods: config.maxPods,
    podsPerCore: config.kubelet.podsPerCore ?? 0,
  });
  const available = allocatable(capacity, config.kubelet);
  const node = (): AdmissionNode => ({
    name: config.nodeName,
    labels: knownNode?.labels() ?? ownLabels,
    taints: knownNode?.taints() ?? [],
    allocatable: available,
    os: 'linux',
  });
  const directoryOf = (uid: string): string => podDir(config.rootDir, uid);
  const { clusterDNS, clusterDomain, resolvConf } = config;
  const cgroups = (): CgroupSettings => ({
    driver: link.cgroupDriver(),
    root: config.cgroupRoot,
    perQos: config.cgroupsPerQOS,
  });
  const { volumeImages, ...containerImages } = await images(config, { objects, runtime, events, log, clock });
  return {
    ...containerImages,
    capacity,
    allocatable: available,
    runtime,
    events,
    objects,
    clock,
    log,
    cgroups,
    clusterDomain,
    podDir: directoryOf,
    podLogsDir: config.podLogsDir,
    volumes: createPodVolumes({
      exec,
      objects,
      rootDir: config.rootDir,
      hidden: { path: dirname(config.socketPath), empty: join(config.rootDir, 'podwright', 'empty') },
      nodeMemoryBytes: capacity.memoryBytes,
      allocatable: () => available,
      now: () => clock.now(),
      recursiveReadOnly: () => link.recursiveReadOnly(),
      images: volumeImages,
      ...(grants === undefined
        ? {}
        : {
            tokens: (pod, request, signal) => grants.token(pod, request, signal),
            trustAnchors: (pod, source, signal) => grants.anchors(pod, source, signal),
          }),
    }),
    ...(grants === undefined ? {} : { runtimeHandler: grants.runtimeHandler }),
    probes: createProbeManager({
      ...{ runtime, events, clock, log, metrics: parts.counters.probes },
      onChange: (uid) => manager().wake(uid),
    }),
    podCgroups: config.cgroupsPerQOS ? await podCgroups(config, cgroups, capacity, log) : noPodCgroups,
    identityFiles: createPodIdentityFiles({
      ...{ events, clusterDNS, clusterDomain, resolvConf, podDir: directoryOf },
      hostIps: () => parts.addresses.current().primary,
    }),
    security: createSecurity({ seccompDefault: config.kubelet.seccompDefault ?? false, rootDir: config.rootDir }),
    resourcesOf: (pod, container) => linuxResources(container, { pod, cpuQuota: config.cpuQuota }),
    checkpoints: createStatusCheckpoints(join(config.rootDir, 'podwright', 'pods')),
    admit: createAdmission({
      ...{ node, manager },
      allowedUnsafeSysctls: config.kubelet.allowedUnsafeSysctls ?? [],
      security: () => link.security(),
    }),
    refuseResize: createResizeAdmission({ node, manager }),
    ...(knownNode === undefined ? {} : { readNode: async (signal) => knownNode.read(signal) }),
    onStart: (kind, failure) => parts.counters.kubelet.containerStarted(kind, failure),
    onHttpFallback: () => parts.counters.kubelet.hookFellBack(),
    backoff: new Backoff({ clock, initialMs: crashBackoffInitialMs, maxMs: config.maxContainerRestartPeriodMs }),
    sandboxBackoff: new Backoff({ clock, ...sandboxBackoffMs }),
    networkProblem: () => {
      const { ready, reason } = parts.network.status();
      return ready ? undefined : (reason ?? 'no reason given');
    },
    node: {
      name: config.nodeName,
      memoryCapacity: capacity.memoryBytes,
      allocatable: available,
      hostIps: () => parts.addresses.current().primary,
    },
  };
}

interface ImageParts {
  readonly objects: ObjectReader;
  readonly runtime: ContainerRuntime;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly clock: Clock;
}

async function images(
  config: Config,
  { objects, runtime, events, log, clock }: ImageParts,
): Promise<Pick<NodePodDeps, 'ensureImage' | 'sandboxImage' | 'pulls'> & { readonly volumeImages: VolumeImages }> {
  const credentialDeps = { exec, log, now: () => clock.now() };
  const credentials = await nodeCredentials(config.rootDir, config.imageCredentialProviders, credentialDeps);
  const { maxParallelPulls, registryPullQPS, registryBurst } = config;
  const limit = createTokenBucket(registryPullQPS, registryBurst, () => clock.now());
  const puller = createImagePuller({ runtime, events, clock, log, maxParallelPulls, limit, credentials });
  const sandboxImage = createSandboxImage({ runtime, wanted: config.podSandboxImage, credentials, log });
  const ofPod = (pod: Pod): Pick<ImageRequest, 'pod' | 'pullSecrets'> => {
    const { name, namespace, uid } = pod.metadata;
    return { pod: { name, namespace, uid }, pullSecrets: () => pullSecretsOf(pod, objects) };
  };
  return {
    ensureImage: (pod, { name, image, imagePullPolicy: policy }, signal) =>
      puller.ensureImage({ ...ofPod(pod), container: name, list: containerList(pod, name), image, policy }, signal),
    volumeImages: {
      ensure: (pod, { reference: image = '', pullPolicy: policy = 'IfNotPresent' }, signal) =>
        puller.ensureImage({ ...ofPod(pod), image, policy }, signal),
      layers: (imageId, signal) => runtime.imageLayers(imageId, signal),
    },
    pulls: () => puller.pulls(),
    sandboxImage: (signal) => sandboxImage.ensure(signal),
  };
}

async function podCgroups(
  config: Config,
  settings: () => CgroupSettings,
  capacity: NodeResources,
  log: Log,
): Promise<PodCgroups> {
  const enforced = (config.kubelet.enforceNodeAllocatable ?? ['pods']).includes('pods')
    ? enforcedAllocatable(capacity, config.kubelet)
    : capacity;
  return createPodCgroups({
    settings,
    version: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1,
    kubepods: kubepodsResources(enforced),
    cpuQuota: config.cpuQuota,
    podPidsLimit: config.podPidsLimit,
    hugepageSizes: await hugepageSizes(),
    singleProcessOomKill: config.kubelet.singleProcessOOMKill ?? false,
    exec,
    clock: systemClock,
    log,
  });
}

/** Bytes; the kernel names them `hugepages-2048kB`. */
async function hugepageSizes(): Promise<readonly number[]> {
  const names = await readdir('/sys/kernel/mm/hugepages').catch(() => []);
  return names.flatMap((name) => {
    const kib = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    return kib === undefined ? [] : [Number(kib) * 1024];
  });
}
