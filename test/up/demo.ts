import Docker from 'dockerode';
import { podContainers } from '../lab/footprint.ts';
import { loadImages, until } from '../lab/index.ts';
import { show } from './show.ts';

/*
 * The parts of test/up.sh that talk to Docker and to the daemon:
 *
 *     ping [SECONDS]         whether Docker answers, by the exit code
 *     prepare                makes the example's image; refuses a Docker that has pods of others
 *     show STATE_DIR PID     waits for the example pod of daemon PID and prints what it does
 *     wait-until-gone        waits until no pod has a container any more
 */

const exampleImage = 'podwright.local/demo:1';
const examplePod = /^two-containers-/;

const docker = new Docker(); // honours DOCKER_HOST
const [command, ...args] = process.argv.slice(2);

const commands: Readonly<Record<string, () => Promise<void>>> = {
  ping: async () => ping(Number(args[0] ?? 0)),
  prepare,
  show: async () => show(args[0] ?? '', Number(args[1])),
  'wait-until-gone': waitUntilGone,
};

try {
  await commands[command ?? '']?.();
} catch (error) {
  if (command !== 'ping') console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function ping(seconds: number): Promise<void> {
  await until('Docker to answer', seconds * 1000, async () => {
    await docker.ping();
    return true;
  });
}

/** No registry has the image, so it is made here, of the machine's own busybox. */
async function prepare(): Promise<void> {
  const pods = (await podContainers(docker)).map(({ Labels }) => Labels['io.kubernetes.pod.name'] ?? '');
  const foreign = [...new Set(pods)].filter((name) => !examplePod.test(name));
  if (foreign.length > 0) {
    throw new Error(`this Docker already runs pods (${foreign.join(', ')}), which the demonstration would remove`);
  }
  const images = await docker.listImages({ filters: { reference: [exampleImage] } });
  if (images.length === 0) await loadImages(docker, [{ name: exampleImage }]);
}

async function waitUntilGone(): Promise<void> {
  await until('the pods to be removed', 60_000, async () => (await podContainers(docker)).length === 0);
}
