import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createHost,
  type DaemonHandle,
  isReady,
  type PodReport,
  type Registry,
  startRegistry,
  type TestHost,
  until,
} from '../lab/index.ts';
import { podManifest, sleeper } from './manifests.ts';

const login = { username: 'anna', password: 'top-secret-of-anna' };

let host: TestHost;
let registry: Registry;
let daemon: DaemonHandle;

beforeEach(async () => {
  host = await createHost();
  registry = await startRegistry(host);
  registry.add({ name: 'team/app:1', config: { Cmd: ['sleep', '100000'] } });
});

afterEach(async () => {
  // Neither events, which are logged too, nor messages show what was tried.
  expect(JSON.stringify(daemon.log())).not.toContain('secret-of');
  await daemon.stop();
  registry.stop();
  host.remove();
});

async function start(options: Parameters<TestHost['startDaemon']>[0] = {}): Promise<void> {
  daemon = host.startDaemon(options);
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
}

/** A pod of the private image. */
function appPod(name: string, secrets: readonly string[] = []): object {
  const container = { name: 'a', image: `${registry.endpoint}/team/app:1`, imagePullPolicy: 'Always' };
  return podManifest(name, [container], { imagePullSecrets: secrets.map((secret) => ({ name: secret })) });
}

function pullSecret(name: string, { username, password }: typeof login): object {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry.endpoint]: { auth } } }) },
  };
}

async function eventsOf(pod: string): Promise<string> {
  return (await host.podwright(['status', pod, '--socket', host.podwrightSocket])).stdout;
}

const waitingReason = ({ pod }: PodReport): string | undefined =>
  pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
const isPullFailure = (report: PodReport): boolean => /ErrImagePull|ImagePullBackOff/.test(waitingReason(report) ?? '');

describe('a private image', () => {
  beforeEach(async () => registry.setMode({ kind: 'login', ...login }));

  it('is pulled with a pull secret beside the pod, also with a second one', async () => {
    await start();
    host.drop('right.yaml', pullSecret('right', login));
    host.drop('wrong.yaml', pullSecret('wrong', { username: 'ben', password: 'secret-of-ben' }));
    host.drop('one.yaml', appPod('one', ['right']));
    host.drop('two.yaml', appPod('two', ['wrong', 'right']));
    await Promise.all(['one', 'two'].map((name) => host.waitForPod(name, isReady)));
  });

  it('is not pulled with a wrong one, and is when the secret is mended', async () => {
    await start();
    host.drop('secret.yaml', pullSecret('login', { username: 'ben', password: 'secret-of-ben' }));
    host.drop('pod.yaml', appPod('wrong', ['login']));
    await host.waitForPod('wrong', isPullFailure);
    host.drop('secret.yaml', pullSecret('login', login));
    await host.waitForPod('wrong', isReady, 60_000);
  });

  it('without its secret: says which is missing, and tries all the same', async () => {
    await start();
    host.drop('pod.yaml', appPod('alone', ['gone']));
    await host.waitForPod('alone', isPullFailure);
    expect(await eventsOf('alone')).toContain(
      'Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
    );
  });

  it('is pulled with what a credential provider says, which is asked once', async () => {
    const { args, requests } = installPlugin();
    await start({ args });
    host.drop('one.yaml', appPod('one'));
    await host.waitForPod('one', isReady);
    host.drop('two.yaml', appPod('two'));
    await host.waitForPod('two', isReady);
    expect(requests()).toEqual([
      {
        kind: 'CredentialProviderRequest',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        image: `${registry.endpoint}/team/app`,
      },
    ]);
  });
});

/** A credential provider as a shell script that keeps what it was asked. */
function installPlugin(): { readonly args: readonly string[]; readonly requests: () => readonly unknown[] } {
  const directory = join(host.dir, 'plugins');
  const asked = join(host.dir, 'asked');
  mkdirSync(directory);
  mkdirSync(asked);
  const answer = {
    kind: 'CredentialProviderResponse',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    cacheKeyType: 'Registry',
    auth: { [registry.endpoint]: login },
  };
  const script = `#!/bin/sh\ncat > "$ASKED/$$"\necho "$1" >&2\ncat <<'EOF'\n${JSON.stringify(answer)}\nEOF\n`;
  writeFileSync(join(directory, 'lab-login'), script);
  chmodSync(join(directory, 'lab-login'), 0o755);
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name: 'lab-login',
        matchImages: [registry.endpoint],
        defaultCacheDuration: '10m',
        apiVersion: answer.apiVersion,
        args: ['get'],
        env: [{ name: 'ASKED', value: asked }],
      },
    ],
  };
  const file = join(host.dir, 'providers.yaml');
  writeFileSync(file, JSON.stringify(config));
  return {
    args: ['--image-credential-provider-config', file, '--image-credential-provider-bin-dir', directory],
    requests: () => readdirSync(asked).map((name) => JSON.parse(readFileSync(join(asked, name), 'utf8')) as unknown),
  };
}

it('images are pulled by digest, also with a tag beside it, and used when they are there', async () => {
  const digest = registry.add({ name: 'team/digest:1', config: { Cmd: ['sleep', '100000'] } });
  const name = `${registry.endpoint}/team/digest`;
  await start();
  const drop = async (pod: string, image: string): Promise<string> => {
    host.drop(`${pod}.yaml`, podManifest(pod, [{ name: 'a', image }]));
    await host.waitForPod(pod, isReady);
    return await eventsOf(pod);
  };
  expect(await drop('tagged', `${name}:1@${digest}`)).toContain(`Successfully pulled image "${name}:1@${digest}"`);
  expect(await drop('again', `${name}:1@${digest}`)).toContain('already present on machine');
  expect(await drop('bare', `${name}@${digest}`)).toContain('already present on machine');
});

describe('image garbage collection', () => {
  const images = async (): Promise<readonly string[]> =>
    (await host.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).sort();

  it('removes an image that nothing needs, and keeps what is used or cannot be pulled again', async () => {
    registry.add({ name: 'team/unused:1', config: { Cmd: ['true'] } });
    const unused = `${registry.endpoint}/team/unused:1`;
    const used = `${registry.endpoint}/team/app:1`;
    const foreign = 'podwright-test/foreign:1';
    await start({ kubelet: { imageMinimumGCAge: '1s', imageMaximumGCAge: '3s' } });
    host.drop('used.yaml', appPod('used'));
    host.drop('sleeper.yaml', podManifest('sleeper', [sleeper('a')]));
    await Promise.all(['used', 'sleeper'].map((name) => host.waitForPod(name, isReady)));
    await pull(unused);
    await host.docker.getImage('podwright-test/busybox:1').tag({ repo: 'podwright-test/foreign', tag: '1' });
    expect(await images()).toEqual(expect.arrayContaining([unused, used, foreign]));
    await until('the unused image to be gone', 30_000, async () => !(await images()).includes(unused));
    // Its removal was not the last look: two more find nothing to do.
    const isRemoval = ({ msg }: { readonly msg: string }): boolean => msg === 'image removed';
    await daemon.waitForLog(isRemoval);
    const left = await images();
    expect(left).toEqual(
      expect.arrayContaining([used, foreign, 'podwright-test/busybox:1', 'podwright-test/nonroot:1']),
    );
    expect(
      daemon
        .log()
        .filter(isRemoval)
        .map(({ image }) => image),
    ).toEqual([unused]);
    expect((await host.status()).pods.every(isReady)).toBe(true);
  });

  async function pull(name: string): Promise<void> {
    const stream = await host.docker.pull(name);
    await new Promise<void>((resolve, reject) => {
      host.docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)));
    });
  }
});
