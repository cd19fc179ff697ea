export { createDockerClient, type DockerClient } from './client.ts';
export { createDockerRuntime } from './runtime.ts';
