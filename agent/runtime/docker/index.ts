export { createDockerClient, type DockerClient, type DockerInfo } from './client.ts';
export { createDockerRuntime } from './runtime.ts';
