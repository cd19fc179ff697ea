import { execa } from 'execa';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { podwrightProgram } from '../lab/daemon.ts';
import {
  createHost,
  isReady,
  until,
  type CommandResult,
  type DaemonHandle,
  type PodReport,
  type TestHost,
} from '../lab/index.ts';
import { podManifest, shell, sleeper } from './manifests.ts';

let host: TestHost;
let daemon: DaemonHandle;

const startDaemon = async (): Promise<void> => {
  daemon = host.startDaemon({ kubelet: { containerLogMaxSize: '100Ki', containerLogMaxFiles: 3 } });
  await daemon.waitForLog(({ msg }) => msg === 'first reconcile done');
};

beforeAll(async () => {
  host = await createHost();
  await startDaemon();
});

afterEach(async () => {
  for (const file of readdirSync(host.manifestDir)) host.removeManifest(file);
  await until('all pods to be gone', 40_000, async () => (await host.leaks()).length === 0, { intervalMs: 100 });
});

afterAll(async () => {
  await daemon?.stop();
  host?.remove();
});

const withSocket = (args: readonly string[]): string[] => {
  const [command = '', ...rest] = args;
  return [command, '--socket', host.podwrightSocket, ...rest];
};
const podwright = async (args: readonly string[], input?: string): Promise<CommandResult> =>
  host.podwright(withSocket(args), input === undefined ? {} : { input });

/** A command that goes on until its test ends it. */
function start(args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore') {
  const child = execa(process.execPath, [podwrightProgram, ...withSocket(args)], {
    stdin,
    reject: false,
    buffer: false,
    timeout: 60_000,
  });
  const output = { text: '', errors: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.errors += chunk.toString()));
  return { child, output };
}

const phase = (wanted: string) => (report: PodReport) => report.pod.status?.phase === wanted;
const restarts = ({ pod }: PodReport): number => pod.status?.containerStatuses?.[0]?.restartCount ?? 0;

describe('podwright logs', () => {
  it('prints what a container has printed, as its flags say', async () => {
    const script = 'echo one; echo two >&2; sleep 1.2; echo three; trap "exit 0" TERM; sleep 1000 & wait';
    host.drop(
      'log.yaml',
      podManifest('log', [shell('a', script), sleeper('b')], { initContainers: [shell('prepare', 'echo ready')] }),
    );
    const { pod } = await host.waitForPod('log', isReady);
    const name = pod.metadata.name;
    const note = 'Defaulted container "a" out of: a, b, prepare (init)';
    await until('the log', 5_000, async () => (await podwright(['logs', 'log'])).stdout.endsWith('three'));
    const all = await podwright(['logs', name]);
    expect({ ...all, stdout: all.stdout.split('\n').sort() }).toEqual({
      exitCode: 0,
      stdout: ['one', 'three', 'two'],
      stderr: note,
    });
    const quiet = (stdout: string): CommandResult => ({ exitCode: 0, stdout, stderr: '' });
    expect(await podwright(['logs', 'log', '-c', 'prepare'])).toEqual(quiet('ready'));
    expect(await podwright(['logs', 'log', '-c', 'b'])).toEqual(quiet(''));
    expect(await podwright(['logs', 'log', '-c', 'a', '--tail', '1'])).toEqual(quiet('three'));
    expect(await podwright(['logs', 'log', '-c', 'a', '--tail=0'])).toEqual(quiet(''));
    expect((await podwright(['logs', 'log', '-c', 'a', '--since', '1h', '--tail', '-1'])).stdout).toContain('one');
    const { stdout } = await podwright(['logs', 'log', '-c', 'a', '--timestamps', '--tail', '1']);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three$/);
    const time = stdout.split(' ')[0] ?? '';
    expect(await podwright(['logs', 'log', '-c', 'a', '--since-time', time])).toEqual(quiet('three'));
  });

  it('says why there is nothing to print', async () => {
    const stuck = { name: 'a', image: 'podwright-test/none:1', imagePullPolicy: 'Never' };
    host.drop('stuck.yaml', podManifest('stuck', [stuck]));
    const { pod } = await host.waitForPod(
      'stuck',
      ({ pod: { status } }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull',
    );
    const name = pod.metadata.name;
    const refused = (text: string): CommandResult => ({ exitCode: 1, stdout: '', stderr: `podwright logs: ${text}` });
    expect(await podwright(['logs', 'stuck'])).toEqual(
      refused(`container "a" in pod "${name}" is waiting to start: ErrImageNeverPull`),
    );
    expect(await podwright(['logs', 'stuck', '-p'])).toEqual(
      refused(`previous terminated container "a" in pod "${name}" not found`),
    );
    expect(await podwright(['logs', 'stuck', '-c', 'b'])).toEqual(
      refused(`container b not found in pod ${name}; it has: a`),
    );
    expect(await podwright(['logs', 'nope'])).toEqual(refused(`there is no pod nope; pods here: default/${name}`));
    expect(await podwright(['exec', 'stuck', '--', 'true'])).toMatchObject({
      exitCode: 1,
      stderr: 'podwright exec: container not found ("a"): it does not run: ErrImageNeverPull',
    });
  });

  it('follows until the container ends; then --previous has what it printed', async () => {
    const script = 'echo start; trap "echo end; exit 1" TERM; sleep 1000 & wait';
    host.drop('follow.yaml', podManifest('follow', [shell('a', script)]));
    await host.waitForPod('follow', isReady);
    const { child, output } = start(['logs', '-f', 'follow']);
    await until('the first line', 5_000, () => output.text === 'start\n');
    // The container may end, and the command with it, before the command has.
    expect([0, 137]).toContain((await podwright(['exec', 'follow', '--', 'kill', '1'])).exitCode);
    expect(await child).toMatchObject({ exitCode: 0 });
    expect(output.text).toBe('start\nend\n');
    await host.waitForPod('follow', (report) => restarts(report) === 1 && isReady(report));
    expect((await podwright(['logs', 'follow', '-p'])).stdout).toBe('start\nend');
    expect((await podwright(['logs', 'follow'])).stdout).toBe('start');
  });

  it('follows through the rotation of the log, whose links stay right', async () => {
    // No faster than its reader: of what is rotated away unread the runtime knows nothing.
    const count = 10_000;
    const burst = 'seq $i $((i + 499)); i=$((i + 500)); sleep 0.1';
    const script = `while [ ! -e /tmp/go ]; do sleep 0.1; done; i=1; while [ $i -lt ${count} ]; do ${burst}; done; echo done; trap "exit 0" TERM; sleep 1000 & wait`;
    host.drop('much.yaml', podManifest('much', [shell('a', script)]));
    const { pod } = await host.waitForPod('much', isReady);
    const { child, output } = start(['logs', '-f', 'much']);
    await podwright(['exec', 'much', '--', 'touch', '/tmp/go']);
    await until('the end of the log', 20_000, () => output.text.endsWith('done\n'));
    // Docker's own reader repeats lines when it meets a rotation (seen with 20.10); what matters is that none is missing.
    const lines = [...new Set(output.text.trimEnd().split('\n'))];
    expect(lines).toEqual([...Array.from({ length: count }, (_, index) => String(index + 1)), 'done']);
    child.kill('SIGTERM');
    await child;
    const link = join(host.podLogsDir, `default_${pod.metadata.name}_${pod.metadata.uid}`, 'a', '0.log');
    const file = realpathSync(link);
    expect(readFileSync(link, 'utf8')).toContain('"done\\n"');
    expect(statSync(`${file}.1`).size).toBeGreaterThan(0);
    const [collector = ''] = readdirSync(host.containerLogsDir);
    expect(realpathSync(join(host.containerLogsDir, collector))).toBe(file);
    const { stdout } = await podwright(['logs', 'much', '--tail', '3000']);
    expect(stdout.split('\n').slice(0, 2)).toEqual(['7002', '7003']);
  });

  it('takes no memory for what its reader does not read, and ends quietly with its reader', async () => {
    host.drop('flood.yaml', podManifest('flood', [shell('a', 'exec yes 0123456789012345678901234567890123456789')]));
    await host.waitForPod('flood', isReady);
    const pipe = `exec 3>&1; { "$@"; echo $? >&3; } | head -n 1`;
    const args = ['-c', pipe, 'sh', process.execPath, podwrightProgram, ...withSocket(['logs', '-f', 'flood'])];
    expect((await host.exec('sh', args)).stdout.split('\n').sort()).toEqual([
      '0',
      '0123456789012345678901234567890123456789',
    ]);
    const reader = execa(process.execPath, [podwrightProgram, ...withSocket(['logs', '-f', 'flood'])], {
      stdin: 'ignore',
      stdout: 'pipe',
      buffer: false,
      reject: false,
      timeout: 60_000,
    });
    await until('the reader to be full', 10_000, async () => {
      const before = await writtenBytes(daemon.pid);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return (await writtenBytes(daemon.pid)) - before < 100_000;
    });
    const before = rssKib(daemon.pid);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(rssKib(daemon.pid) - before).toBeLessThan(30_000);
    reader.kill('SIGKILL');
    await reader;
  });
});

describe('podwright exec', () => {
  it('runs commands with their output, input and exit code', async () => {
    host.drop('run.yaml', podManifest('run', [sleeper('a')]));
    await host.waitForPod('run', isReady);
    expect(await podwright(['exec', 'run', '--', 'sh', '-c', 'echo out; echo err >&2'])).toEqual({
      exitCode: 0,
      stdout: 'out',
      stderr: 'err',
    });
    expect(await podwright(['exec', 'run', '--', 'sh', '-c', 'exit 42'])).toEqual({
      exitCode: 42,
      stdout: '',
      stderr: 'command terminated with exit code 42',
    });
    expect(await podwright(['exec', '-i', 'run', '--', 'cat'], 'hello\n')).toMatchObject({
      exitCode: 0,
      stdout: 'hello',
    });
    expect(await podwright(['exec', 'run', '--', 'cat'], 'unseen')).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await podwright(['exec', '-i', 'run', '--', 'head', '-c', '3'], 'x'.repeat(3_000_000))).toMatchObject({
      exitCode: 0,
      stdout: 'xxx',
    });
    const big = 'y'.repeat(3_000_000);
    expect((await podwright(['exec', '-i', 'run', '--', 'cat'], big)).stdout).toBe(big);
    const missing = await podwright(['exec', 'run', '--', '/no/such/file']);
    expect(missing.exitCode).not.toBe(0);
    expect(`${missing.stdout}${missing.stderr}`).toContain('/no/such/file');
  });

  it('gives the command a terminal of our size, and ours back', async () => {
    host.drop('tty.yaml', podManifest('tty', [sleeper('a')]));
    await host.waitForPod('tty', isReady);
    const line = [
      process.execPath,
      podwrightProgram,
      ...withSocket([
        'exec',
        '-it',
        'tty',
        '--',
        'sh',
        '-c',
        '"tty; until stty size 2>&- | grep -q 97; do sleep 0.1; done; stty size; read x; echo got \\$x; exit 3"',
      ]),
    ];
    const inner = `stty rows 31 cols 97; ${line.join(' ')}; echo code $?; stty -a | grep -o -w -e -icanon -e icanon`;
    const { stdout } = await host.exec('script', ['-qec', inner, '/dev/null'], { input: 'hello\r' });
    const lines = stdout.replaceAll('\r', '').split('\n');
    expect(lines).toContain('/dev/pts/0');
    expect(lines).toContain('31 97');
    expect(lines).toContain('got hello');
    expect(lines.slice(-3)).toEqual(['command terminated with exit code 3', 'code 3', 'icanon']);
  });

  it('leaves no process behind when it is killed, even one that reads no input', async () => {
    host.drop('kill.yaml', podManifest('kill', [sleeper('a')]));
    await host.waitForPod('kill', isReady);
    const processes = async (): Promise<string> => (await podwright(['exec', 'kill', '--', 'ps', '-o', 'args'])).stdout;
    const idle = start(['exec', 'kill', '--', 'sh', '-c', 'sleep 4711; true']);
    const deaf = start(['exec', '-i', 'kill', '--', 'sleep', '4712'], 'pipe');
    deaf.child.stdin?.on('error', () => undefined);
    deaf.child.stdin?.write('z'.repeat(4_000_000));
    await until('the commands', 10_000, async () => {
      const found = await processes();
      return found.includes('sleep 4711') && found.includes('sleep 4712');
    });
    idle.child.kill('SIGKILL');
    deaf.child.kill('SIGKILL');
    await Promise.all([idle.child, deaf.child]);
    await until('the end of the commands', 10_000, async () => !/sleep 471[12]/.test(await processes()));
  });

  it('says that the daemon went away, and takes its command with it', async () => {
    host.drop('stop.yaml', podManifest('stop', [sleeper('a')]));
    await host.waitForPod('stop', isReady);
    const command = host.podwright(withSocket(['exec', 'stop', '--', 'sleep', '4713']));
    const processes = async (): Promise<string> => (await podwright(['exec', 'stop', '--', 'ps', '-o', 'args'])).stdout;
    await until('the command', 10_000, async () => (await processes()).includes('sleep 4713'));
    await daemon.stop();
    expect(await command).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'podwright exec: podwright went away while the command ran',
    });
    await startDaemon();
    await host.waitForPod('stop', isReady);
    expect(await processes()).not.toContain('sleep 4713');
  });
});

describe('podwright events', () => {
  it('shows what happened, goes on with -w, and remembers over a restart', async () => {
    const { child, output } = start(['events', '-w', '--for', 'pod/seen', '-o', 'json']);
    host.drop('seen.yaml', podManifest('seen', [sleeper('a')]));
    await host.waitForPod('seen', isReady);
    const reasons = (): string[] =>
      output.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { reason: string }).reason);
    await until('the events', 5_000, () => reasons().includes('Started'));
    expect(new Set(reasons())).toEqual(new Set(['Pulled', 'Created', 'MissingClusterDNS', 'Started']));
    child.kill('SIGTERM');
    await child;
    const { stdout } = await podwright(['events', '--for', 'pod/seen']);
    const [header, ...lines] = stdout.split('\n');
    expect(header?.split(/ {2,}/)).toEqual(['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    expect(lines.at(-1)).toMatch(new RegExp(`^\\d+s +Normal +Started +Pod/seen-${host.name} +Started container a$`));
    expect((await podwright(['events'])).stdout).toMatch(/^NAMESPACE +LAST SEEN/);
    await daemon.stop();
    expect(statSync(join(host.rootDir, 'podwright', 'events.json')).mode & 0o777).toBe(0o600);
    await startDaemon();
    const again = await podwright(['events', '--for', `pod/seen-${host.name}`, '-n', 'default']);
    expect(again.stdout).toMatch(/ Started container a$/m);
    expect(await podwright(['events', '--for', 'pod/nope'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('there is no pod nope') as string,
    });
  });
});

describe('podwright rerun', () => {
  it('runs a pod that has ended once more, from its init containers on, and no other', async () => {
    const spec = { restartPolicy: 'Never', initContainers: [shell('first', 'echo init')] };
    host.drop('once.yaml', podManifest('once', [shell('a', 'head -c 8 /dev/urandom | od -An -tx1')], spec));
    host.drop('runs.yaml', podManifest('runs', [sleeper('a')]));
    const { pod } = await host.waitForPod('once', phase('Succeeded'));
    const id = ({ pod: { status } }: PodReport): string | undefined => status?.containerStatuses?.[0]?.containerID;
    const before = await podwright(['logs', 'once', '-c', 'a']);
    const first = id({ pod } as PodReport);
    expect(await podwright(['rerun', 'once'])).toEqual({
      exitCode: 0,
      stdout: `pod/${pod.metadata.name} runs once more`,
      stderr: '',
    });
    await host.waitForPod('once', (report) => phase('Succeeded')(report) && id(report) !== first);
    const after = await podwright(['logs', 'once', '-c', 'a']);
    expect([before.exitCode, after.exitCode, after.stdout === before.stdout]).toEqual([0, 0, false]);
    await host.waitForPod('runs', isReady);
    expect(await podwright(['rerun', 'runs'])).toMatchObject({
      exitCode: 1,
      stderr: `podwright rerun: pod "runs-${host.name}" is Running: only a pod that has ended (Succeeded or Failed) can be run once more`,
    });
  });
});

const rssKib = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const writtenBytes = async (pid: number): Promise<number> =>
  Promise.resolve(Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]));
