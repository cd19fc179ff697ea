export type { DockerClient } from './api.ts';
export { createDockerClient } from './client.ts';
export { createDockerRuntime } from './runtime.ts';
export { loadImage } from './images.ts';
