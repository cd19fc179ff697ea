import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHost, type CommandResult, type TestHost } from '../lab/index.ts';

const script = fileURLToPath(new URL('../up.sh', import.meta.url));

describe('npm run up', () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await createHost({ images: [] });
  });
  afterAll(() => host.remove());

  async function up(...args: readonly string[]): Promise<CommandResult> {
    const env = {
      DOCKER_HOST: `unix://${host.dockerSocket}`,
      PODWRIGHT_UP_DIR: `${host.dir}/up`,
      PODWRIGHT_UP_POD_CIDR: host.podCidr,
      PODWRIGHT_UP_ONCE: '1',
    };
    return host.exec('bash', [script, ...args], { env, timeoutMs: 150_000 });
  }

  it('shows two containers that talk over localhost, and the pod answering on its IP', async () => {
    const { exitCode, stdout, stderr } = await up();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const [, log = '', answer = ''] =
      /logs:\n([^]*?)\n\n==> http:\/\/203\.0\.113\.\d+:8080\/.*:\n(.*)/.exec(stdout) ?? [];
    expect(log).toContain('hello from both containers');
    expect(answer).toContain('hello from both containers');
  });

  it('leaves the pod running', async () => {
    const containers = await host.containers();
    expect(containers.map(({ State }) => State)).toEqual(['running', 'running', 'running']);
  });

  it('down removes the pod and everything of it', async () => {
    const { exitCode, stderr } = await up('down');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await host.leaks()).toEqual([]);
  });
});
