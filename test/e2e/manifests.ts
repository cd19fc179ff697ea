import type { TestHost } from '../lab/index.ts';

/** Manifests for the e2e suites: what a test does not say is as a user would leave it. */

export const image = 'podwright-test/busybox:1';

/** A container that sleeps, and ends at once when it is told to. */
export function sleeper(name: string, extra: object = {}): object {
  return shell(name, 'trap "exit 0" TERM; sleep 100000 & wait', extra);
}

/** A container that runs a script. */
export function shell(name: string, script: string, extra: object = {}): object {
  return { name, image, command: ['sh', '-c', script], ...extra };
}

export function podManifest(name: string, containers: readonly object[], spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 3, containers, ...spec },
  };
}

/** What a server answers to a host. By nc: wget of busybox-static crashes where there is no name service. */
export async function httpGet(host: TestHost, addressAndPort: string): Promise<string> {
  const input = 'GET / HTTP/1.0\r\n\r\n';
  return (await host.exec('busybox', ['nc', '-w', '2', ...addressAndPort.split(' ')], { input })).stdout;
}
