import type {
  IContainer,
  IContainerResizePolicy,
  IEphemeralContainer,
  IResourceRequirements,
  ISecurityContext,
} from 'kubernetes-models/v1';
import { or, orNumber } from './default-text.ts';
import { defaultFieldRef, pullPolicy } from './defaults-volume.ts';
import type { Container, ContainerPort, EnvVar, Lifecycle, Probe } from './types.ts';

/** A container of any kind with the API server's defaults (`pkg/apis/core/v1/defaults.go`). */
export function defaultContainer(container: IContainer | IEphemeralContainer, hostNetwork: boolean): Container {
  const { env = [], lifecycle, livenessProbe, readinessProbe, startupProbe, securityContext, image = '' } = container;
  const resources = defaultResources(container.resources ?? {});
  const resizePolicy = defaultResizePolicy(container.resizePolicy ?? [], resources);
  return {
    ...container,
    image,
    imagePullPolicy: or(container.imagePullPolicy, pullPolicy(image)),
    resources,
    ...(resizePolicy.length === 0 ? {} : { resizePolicy }),
    env: env.map(defaultEnv),
    ports: (container.ports ?? []).map((port) => defaultPort(port, hostNetwork)),
    volumeMounts: container.volumeMounts ?? [],
    ...(lifecycle === undefined ? {} : { lifecycle: defaultLifecycle(lifecycle) }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: defaultProbe(livenessProbe) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: defaultProbe(readinessProbe) }),
    ...(startupProbe === undefined ? {} : { startupProbe: defaultProbe(startupProbe) }),
    ...(securityContext === undefined ? {} : { securityContext: defaultSecurity(securityContext) }),
    terminationMessagePath: or(container.terminationMessagePath, '/dev/termination-log'),
    terminationMessagePolicy: or(container.terminationMessagePolicy, 'File'),
  };
}

/** What is limited and not requested is requested up to its limit. */
export function defaultResources(resources: IResourceRequirements): IResourceRequirements {
  if (resources.limits === undefined) return resources;
  return { ...resources, requests: { ...resources.limits, ...resources.requests } };
}

/** CPU and memory that are asked for can change without a restart, unless the container says otherwise (KEP-1287). */
function defaultResizePolicy(
  given: readonly IContainerResizePolicy[],
  { requests = {}, limits = {} }: IResourceRequirements,
): IContainerResizePolicy[] {
  const missing = ['cpu', 'memory'].filter(
    (name) =>
      (Object.hasOwn(requests, name) || Object.hasOwn(limits, name)) &&
      !given.some(({ resourceName }) => resourceName === name),
  );
  return [...given, ...missing.map((resourceName) => ({ resourceName, restartPolicy: 'NotRequired' }))];
}

function defaultEnv(variable: EnvVar): EnvVar {
  const fieldRef = variable.valueFrom?.fieldRef;
  if (fieldRef === undefined) return variable;
  return { ...variable, valueFrom: { ...variable.valueFrom, fieldRef: defaultFieldRef(fieldRef) } };
}

/** In the host's network a port of the container is one of the host. */
function defaultPort(port: NonNullable<IContainer['ports']>[number], hostNetwork: boolean): ContainerPort {
  const hostPort = hostNetwork && (port.hostPort ?? 0) === 0 ? { hostPort: port.containerPort } : {};
  return { ...port, ...hostPort, protocol: or(port.protocol, 'TCP') };
}

function defaultProbe(probe: Probe): Probe {
  const { httpGet, grpc } = probe;
  return {
    ...probe,
    ...(httpGet === undefined ? {} : { httpGet: defaultHttpGet(httpGet) }),
    ...(grpc === undefined ? {} : { grpc: { ...grpc, service: grpc.service ?? '' } }),
    timeoutSeconds: orNumber(probe.timeoutSeconds, 1),
    periodSeconds: orNumber(probe.periodSeconds, 10),
    successThreshold: orNumber(probe.successThreshold, 1),
    failureThreshold: orNumber(probe.failureThreshold, 3),
  };
}

function defaultHttpGet(httpGet: NonNullable<Probe['httpGet']>): NonNullable<Probe['httpGet']> {
  return { ...httpGet, path: or(httpGet.path, '/'), scheme: or(httpGet.scheme, 'HTTP') };
}

type Hook = NonNullable<Lifecycle['preStop']>;

function defaultLifecycle(lifecycle: Lifecycle): Lifecycle {
  const { postStart, preStop } = lifecycle;
  return {
    ...lifecycle,
    ...(postStart === undefined ? {} : { postStart: defaultHook(postStart) }),
    ...(preStop === undefined ? {} : { preStop: defaultHook(preStop) }),
  };
}

function defaultHook(hook: Hook): Hook {
  return hook.httpGet === undefined ? hook : { ...hook, httpGet: defaultHttpGet(hook.httpGet) };
}

function defaultSecurity(context: ISecurityContext): ISecurityContext {
  return { ...context, procMount: or(context.procMount, 'Default') };
}
