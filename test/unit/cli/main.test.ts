import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../../agent/main.ts', import.meta.url));
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podwright-main-'));
  await writeFile(
    join(directory, 'bad.yaml'),
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nnope: 1\n',
  );
});

afterAll(async () => rm(directory, { recursive: true }));

async function podwright(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', main, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

describe('command line', { timeout: 30_000 }, () => {
  it.each<[string, readonly string[], number, RegExp, RegExp]>([
    ['version', ['version'], 0, /^podwright dev\n$/, /^$/],
    ['help', ['--help'], 0, /run .*status .*logs .*exec .*events .*services .*trace .*rerun .*check .*version /s, /^$/],
    ['help of a command', ['run', '--help'], 0, /--pod-infra-container-image/, /^$/],
    ['help of exec', ['exec', '--help'], 0, /<pod> -- <command> \[args\.\.\.\]/, /^$/],
    ['exec without a command', ['exec', 'web'], 2, /^$/, /missing required argument 'command'/],
    ['logs with a wrong flag', ['logs', 'web', '--tail', 'x'], 1, /^$/, /^podwright logs: --tail must be greater/],
    ['events of what is no object', ['events', '--for', 'web'], 1, /^$/, /^podwright events: --for: "web"/],
    ['an unknown command', ['stats'], 2, /^$/, /unknown command 'stats'\n\(Did you mean status\?\)/],
    ['an unknown flag', ['run', '--manifest', 'x'], 2, /^$/, /\(Did you mean --manifests\?\)/],
    [
      "the kubelet's flags",
      ['run', '--network-plugin=cni', '--max-open-files', 'x'],
      1,
      /^$/,
      /^--max-open-files: .*\n$/,
    ],
    [
      "a flag of the kubelet's that cannot be followed",
      ['run', '--runonce', 'x'],
      2,
      /^$/,
      /--runonce is not supported/,
    ],
    ['a value that is no choice', ['status', '-o', 'xml'], 2, /^$/, /Allowed choices are json, yaml, wide/],
    ['one argument too many', ['version', 'x'], 2, /^$/, /too many arguments/],
    ['wrong flags', ['run', '--max-pods', 'x', '--pod-cidr', 'y'], 2, /^$/, /^--max-pods: .*\n--pod-cidr: .*\n$/],
  ])('%s', async (_, args, code, stdout, stderr) => {
    expect(await podwright(args)).toEqual({
      code,
      stdout: expect.stringMatching(stdout) as string,
      stderr: expect.stringMatching(stderr) as string,
    });
  });

  it('says what is wrong in the file, and where', async () => {
    const file = join(directory, 'bad.yaml');
    expect(await podwright(['run', '--config', file])).toEqual({
      code: 2,
      stdout: '',
      stderr: `${file}:3: nope: unknown field\n`,
    });
  });

  it('says that no daemon is there', async () => {
    const socket = join(directory, 'none.sock');
    expect(await podwright(['status', '--socket', socket])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`there is no ${socket}: podwright is not running here`) as string,
    });
  });
});
