import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CommandResult, DaemonHandle, TestHost } from '../lab/index.ts';
import type { KubectlClient } from './kubectl-client.ts';
import { forward } from './programs.ts';

/** What the tests have once they run. */
export interface StreamsLab {
  readonly client: KubectlClient;
  readonly host: TestHost;
  readonly daemon: DaemonHandle;
  readonly eventually: (what: string, probe: () => Promise<boolean>) => Promise<unknown>;
}

/**
 * The commands of kubectl that stream, on the pod `web`, whose container `main` serves a file of 300,000 bytes on port 8080,
 * counts what it is sent on port 9000, and answers lines of its input.
 *
 * @param upgrade what the client has to be upgraded to; kubectl falls back to SPDY without a word
 */
export function testStreams(lab: () => StreamsLab, upgrade: 'SPDY' | 'WebSocket'): void {
  describe('exec', () => testExec(lab, upgrade));
  it('attach sends lines to the process, and prints what it prints from then on', async () => {
    const { client, eventually } = lab();
    const attach = client.start(['attach', '-i', 'web', '-c', 'main'], 'pipe');
    await eventually('the answer', () => {
      attach.write(`ping by ${upgrade}\n`);
      return Promise.resolve(attach.output().includes(`got ping by ${upgrade}`));
    });
    await attach.kill();
    expect(await client.output('logs', 'web', '-c', 'main')).toContain(`got ping by ${upgrade}`);
  });

  it('cp copies into a container and out of it', async () => {
    const { client, host } = lab();
    const [there, back, copy] = [join(host.dir, 'there'), join(host.dir, `back-${upgrade}`), `/tmp/copy-${upgrade}`];
    const content = Buffer.alloc(3_000_000, `some content by ${upgrade}\n`);
    writeFileSync(there, content);
    await client.output('cp', there, `web:${copy}`, '-c', 'main');
    const sum = await client.output('exec', 'web', '-c', 'main', '--', 'sha256sum', copy);
    expect(sum).toBe(`${hash(content)}  ${copy}`);
    await client.output('cp', `web:${copy}`, back, '-c', 'main');
    expect(hash(readFileSync(back))).toBe(hash(content));
  });

  it('port-forward carries twenty connections at once, and the end of one direction', async () => {
    const { client, host, eventually } = lab();
    const session = client.start(['port-forward', '-v=8', 'pod/web', '18080:8080', '19000:9000', '17000:7000']);
    await eventually('the ports', () => Promise.resolve(session.output().split('Forwarding from').length > 6));
    expect(isWebSocket(session.output())).toBe(upgrade === 'WebSocket');
    const request = 'GET /big HTTP/1.0\r\n\r\n';
    const requests = Array.from({ length: 20 }, () => request);
    const answers = await forward(host, 18080, requests, false);
    expect(answers.map(({ length }) => length > 300_000)).toEqual(requests.map(() => true));
    expect(await forward(host, 19000, ['x'.repeat(200_000)], true)).toEqual(['200000\n']);
    expect(await forward(host, 17000, ['nobody listens'], true)).toEqual(['']);
    await eventually('the error', () =>
      Promise.resolve(/error forwarding port 7000.*ECONNREFUSED/.test(session.output())),
    );
    await session.kill();
  });
}

function testExec(lab: () => StreamsLab, upgrade: 'SPDY' | 'WebSocket'): void {
  const run = (...command: string[]): Promise<CommandResult> =>
    lab().client.run('exec', 'web', '-c', 'main', '--', ...command);

  it(`speaks ${upgrade}`, async () => {
    const { stderr } = await lab().client.run('exec', '-v=8', 'web', '-c', 'main', '--', 'true');
    expect(isWebSocket(stderr)).toBe(upgrade === 'WebSocket');
  });

  it('gives the output, apart by stream, and the exit code', async () => {
    expect(await run('sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      exitCode: 7,
      stdout: 'out',
      stderr: expect.stringMatching(/^err\ncommand terminated with exit code 7$/) as string,
    });
    expect(await run('true')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('passes all of the input on, and its end', async () => {
    const { exitCode, stdout, stderr } = await lab().client.inShell(
      'head -c 50000000 /dev/zero | "$@"',
      ...['exec', '-i', 'web', '-c', 'main', '--', 'wc', '-c'],
    );
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '50000000', stderr: '' });
  });

  it('brings all of the output, whole', async () => {
    const script = 'n=0; while [ $n -lt 40000 ]; do echo "line $n of many"; n=$((n+1)); done';
    const { stdout } = await run('sh', '-c', script);
    const expected = Array.from({ length: 40_000 }, (_, n) => `line ${n} of many`).join('\n');
    expect(hash(stdout)).toBe(hash(expected));
  });

  it('ends when the command ends, whatever is left of its input', async () => {
    const { exitCode } = await lab().client.inShell(
      'yes | "$@"',
      'exec',
      '-i',
      'web',
      '-c',
      'main',
      '--',
      'head',
      '-n',
      '1',
    );
    expect(exitCode).toBe(0);
  });

  it('gives a terminal, always of the size of the own one', async () => {
    const sizes = ['33 91', '33 120', '33 91'];
    const { stdout } = await lab().client.inShell(
      `command=$(printf "'%s' " "$@")
       turns='while stty rows 33 cols 91 && sleep 0.3 && stty cols 120 && sleep 0.3; do :; done'
       script -qec "stty rows 33 cols 91; { $turns; } </dev/tty >/dev/null 2>&1 & $command" /dev/null </dev/null`,
      ...['exec', '-it', 'web', '-c', 'main', '--', 'sh', '-c'],
      `tty; for size in ${sizes.map((size) => `"${size}"`).join(' ')}; do
         until [ "$(stty size 2>&-)" = "$size" ]; do sleep 0.05; done; echo "$size"
       done`,
    );
    const [tty, ...seen] = stdout.replaceAll('^@', '').trim().split(/\r?\n/); // `script` makes it of the end of its input.
    expect(tty).toMatch(/^\/dev\/pts\/\d+$/);
    expect(seen).toEqual(sizes);
  });

  it('says what cannot be run', async () => {
    const { exitCode, stdout, stderr } = await run('/no/such/program');
    expect(exitCode).not.toBe(0);
    expect(stdout + stderr).toContain('/no/such/program'); // Docker tells it as output.
  });

  it('leaves nothing behind after fifty sessions', async () => {
    const { daemon, eventually } = lab();
    const ofDaemon = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
    const inContainer = async (): Promise<number> => (await run('ps')).stdout.split('\n').length;
    const session = async (): Promise<void> => {
      expect((await run('echo', 'hello')).stdout).toBe('hello');
    };
    await session();
    const before = { descriptors: ofDaemon(), processes: await inContainer() };
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 10 }, session));
    // The API server keeps idle connections for the next call; those are few.
    await eventually('the sockets to be closed', () => Promise.resolve(ofDaemon() <= before.descriptors + 6));
    expect(await inContainer()).toBe(before.processes);
  });

  it('ends the command when its client is killed', async () => {
    const { client, eventually } = lab();
    const session = client.start(['exec', 'web', '-c', 'main', '--', 'sleep', '77777']);
    const isThere = async (): Promise<boolean> => (await run('ps')).stdout.includes('sleep 77777');
    await eventually('the command to run', isThere);
    await session.kill();
    await eventually('the command to be gone', async () => !(await isThere()));
  });
}

/** Whether a kubectl that was told `-v=8` was upgraded to WebSocket; of SPDY it says nothing. */
const isWebSocket = (output: string): boolean => /^.*Upgrade: websocket$/im.test(output);

const hash = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
