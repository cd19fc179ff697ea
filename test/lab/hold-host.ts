import { createHost } from './index.ts';

/*
 * Makes a test host with a running container, prints its namespace and waits. The lab's own test kills it in several
 * ways; by hand it is a host to look into: `npx tsx test/lab/hold-host.ts`, then `nsenter --net=/run/netns/<name>`.
 */
const host = await createHost();
const container = await host.docker.createContainer({
  Image: 'podwright-test/busybox:1',
  Cmd: ['sleep', '100000'],
  HostConfig: { NetworkMode: 'none' },
});
await container.start();
console.log(host.netns);
setInterval(() => undefined, 60_000);
