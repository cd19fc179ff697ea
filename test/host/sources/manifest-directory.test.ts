import { execFileSync } from 'node:child_process';
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../agent/clock.ts';
import { configMap, makePlace, manifest, running, startSource, until, type Place, type Source } from './harness.ts';

let place: Place;
let source: Source;
const at = (name: string): string => join(place.directory, name);
const images = (): readonly string[] => running(source.store);
const messages = (): readonly string[] => source.store.problems().map(({ message }) => message);

async function start(rescanMs?: number): Promise<void> {
  source = startSource(place, rescanMs);
  await until(() => source.store.synced(), 'first snapshot');
}

/** Lets the watch be placed, so that what follows is found by events. */
async function settled(): Promise<void> {
  await writeFile(at('settled.yaml'), manifest('settled'));
  await until(() => images().includes('settled-node registry/app:1'), 'the first event', 3_000);
  await unlink(at('settled.yaml'));
  await until(() => !images().includes('settled-node registry/app:1'), 'the removal');
  source.snapshots.length = 0;
}

beforeEach(async () => {
  place = await makePlace();
  await mkdir(place.directory);
});

afterEach(async () => {
  await source.stop();
  await place.remove();
});

describe('a file', () => {
  test('is there at the start', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    expect(source.snapshots).toHaveLength(1);
    expect(images()).toEqual(['a-node registry/app:1']);
  });

  test('comes, changes, is renamed and goes', async () => {
    await start();
    await settled();
    await writeFile(at('.a'), manifest('a'));
    await rename(at('.a'), at('a.yaml'));
    await until(() => images().length === 1, 'the pod');
    const uid = source.store.pods()[0]?.pod.metadata.uid;
    await writeFile(at('a.yaml'), manifest('a', 'registry/app:2'));
    await until(() => images()[0] === 'a-node registry/app:2', 'the change');
    expect(source.store.pods()[0]?.pod.metadata.uid).not.toBe(uid);
    await rename(at('a.yaml'), at('b.yaml'));
    await until(() => source.store.pods()[0]?.origin === at('b.yaml'), 'the new name');
    await unlink(at('b.yaml'));
    await until(() => images().length === 0, 'the end');
    expect(messages()).toEqual([]);
  });

  test('is copied by cp and edited by sed -i and a shell', async () => {
    await start();
    await settled();
    await writeFile(join(place.root, 'a'), manifest('a'));
    execFileSync('cp', [join(place.root, 'a'), at('a.yaml')]);
    await until(() => images()[0] === 'a-node registry/app:1', 'the copy');
    execFileSync('sed', ['-i', 's/app:1/app:2/', at('a.yaml')]);
    await until(() => images()[0] === 'a-node registry/app:2', 'sed');
    execFileSync('sh', ['-c', 'cat > "$1"', 'sh', at('a.yaml')], { input: manifest('a', 'registry/app:3') });
    await until(() => images()[0] === 'a-node registry/app:3', 'the shell');
    expect(source.snapshots.slice(1).every(({ pods }) => pods.length === 1)).toBe(true);
    expect(source.snapshots.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('that is saved the way vim does never goes', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    await settled();
    const before = source.store.pods()[0]?.pod;
    await writeFile(at('4913'), '');
    await unlink(at('4913'));
    await rename(at('a.yaml'), at('a.yaml~'));
    await systemClock.sleep(30);
    await writeFile(at('a.yaml'), `# edited\n${manifest('a')}`);
    await unlink(at('a.yaml~'));
    await systemClock.sleep(300);
    expect(source.snapshots.every(({ pods }) => pods.length === 1 && pods[0]?.pod === before)).toBe(true);
    expect(messages()).toEqual([]);
  });

  test('of an editor or hidden is passed over', async () => {
    await start();
    await settled();
    for (const name of ['.a.yaml.swp', 'a.yaml~', '#a.yaml#', '.#a.yaml', 'a.tmp'])
      await writeFile(at(name), manifest('a'));
    await writeFile(at('b.yaml'), manifest('b'));
    await until(() => images().length > 0, 'a pod');
    await systemClock.sleep(100);
    expect([images(), messages()]).toEqual([['b-node registry/app:1'], []]);
  });
});

describe('a half-written file', () => {
  test('is not taken while it grows', async () => {
    await start();
    await settled();
    const text = `${manifest('a')}  - name: second\n    image: registry/app:1\n`;
    await writeFile(at('a.yaml'), '');
    for (let cut = 0; cut < text.length; cut += 16) {
      await appendFile(at('a.yaml'), text.slice(cut, cut + 16));
      await systemClock.sleep(3);
    }
    await until(() => images().length === 1, 'the pod');
    const sizes = source.snapshots.flatMap(({ pods }) => pods.map(({ pod }) => pod.spec.containers.length));
    expect(new Set(sizes)).toEqual(new Set([2]));
  });

  test('that pauses while it is invalid is waited for, and what ran goes on', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    await settled();
    const text = manifest('a', 'registry/app:2');
    await writeFile(at('a.yaml'), text.slice(0, 30));
    await systemClock.sleep(300);
    expect(images()).toEqual(['a-node registry/app:1']);
    await appendFile(at('a.yaml'), text.slice(30));
    await until(() => images()[0] === 'a-node registry/app:2', 'the whole');
    expect(source.snapshots.every(({ pods }) => pods.length === 1)).toBe(true);
    expect(source.snapshots.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('that stays empty is reported after a second', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    await settled();
    const began = Date.now();
    await writeFile(at('a.yaml'), '');
    await until(() => messages().length === 1, 'the report');
    expect(Date.now() - began).toBeGreaterThan(900);
    expect([images(), messages()]).toEqual([['a-node registry/app:1'], ['the file holds no Kubernetes object']]);
  });
});

describe('a broken file', () => {
  test('keeps its last good pod, is told with line and path, and recovers', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    await writeFile(at('a.yaml'), manifest('a').replace('image:', 'image: [1]  #'));
    await until(() => messages().length === 1, 'the report');
    expect(images()).toEqual(['a-node registry/app:1']);
    expect(source.store.problems()).toEqual([
      {
        origin: at('a.yaml'),
        line: 8,
        path: 'spec.containers[0].image',
        severity: 'error',
        message: 'Invalid value: [1]: must be a string, not a list',
        pod: 'default/a-node',
      },
    ]);
    expect(source.logged.map(({ level, message }) => [level, message])).toEqual([['error', 'manifest error']]);
    await writeFile(at('a.yaml'), manifest('a', 'registry/app:2'));
    await until(() => images()[0] === 'a-node registry/app:2', 'the repair');
    expect(messages()).toEqual([]);
  });

  test('is reported at once at the start when it is old', async () => {
    await writeFile(at('a.yaml'), 'a: [');
    execFileSync('touch', ['-d', '1 hour ago', at('a.yaml')]);
    await writeFile(at('b.yaml'), manifest('b'));
    await start();
    expect([source.snapshots.length, images().length, messages().length]).toEqual([1, 1, 1]);
  });

  test('keeps its pod over a restart of the daemon', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await writeFile(at('b.yaml'), manifest('b'));
    await start();
    const uid = source.store.pods()[0]?.pod.metadata.uid;
    await source.stop();
    await writeFile(at('a.yaml'), 'a: [');
    await unlink(at('b.yaml'));
    await start();
    expect(source.snapshots[0]?.pods.map(({ pod }) => pod.metadata.uid)).toEqual([uid]);
    await until(() => messages().length === 1, 'the report');
    expect(images()).toEqual(['a-node registry/app:1']);
    await source.stop();
    expect(await readdir(place.checkpointDir)).toHaveLength(1);
  });

  test('that was never good has no pod', async () => {
    await writeFile(at('a.yaml'), 'a: [');
    await start();
    await until(() => messages().length === 1, 'the report');
    await source.stop();
    await start();
    expect(images()).toEqual([]);
  });
});

describe('a ConfigMap', () => {
  const value = (name = 'c'): string | undefined => source.store.object('ConfigMap', 'default', name)?.data?.['key'];

  test('comes, is edited, breaks, recovers and goes', async () => {
    await start();
    await settled();
    const changes: string[][] = [];
    source.store.subscribeObjects((keys) => changes.push([...keys]));
    await writeFile(at('c.yaml'), configMap('c', 'one'));
    await until(() => value() === 'one', 'the object');
    await writeFile(at('c.yaml'), configMap('c', 'two'));
    await until(() => value() === 'two', 'the edit');
    await writeFile(at('c.yaml'), configMap('c', '[2]'));
    await until(() => messages().length === 1, 'the report');
    expect([value(), source.store.problems()]).toEqual([
      'two',
      [
        {
          origin: at('c.yaml'),
          line: 6,
          path: 'data[key]',
          severity: 'error',
          message: 'Invalid value: [2]: must be a string, not a list',
          object: 'ConfigMap/default/c',
        },
      ],
    ]);
    await writeFile(at('c.yaml'), configMap('c', 'three'));
    await until(() => value() === 'three', 'the repair');
    await unlink(at('c.yaml'));
    await until(() => value() === undefined, 'the end');
    expect([changes.length, new Set(changes.flat())]).toEqual([4, new Set(['ConfigMap/default/c'])]);
    expect(messages()).toEqual([]);
  });

  test('that is broken keeps its last good version over a restart of the daemon', async () => {
    await writeFile(at('c.yaml'), configMap('c', 'one'));
    await start();
    const before = source.store.object('ConfigMap', 'default', 'c');
    await source.stop();
    await writeFile(at('c.yaml'), configMap('c', '[2]'));
    await start();
    await until(() => messages().length === 1, 'the report');
    expect(source.store.object('ConfigMap', 'default', 'c')).toEqual(before);
  });

  test('that two files claim stays with the first, also over a restart', async () => {
    await writeFile(at('z.yaml'), configMap('c', 'z'));
    await start();
    await settled();
    await writeFile(at('a.yaml'), configMap('c', 'a'));
    await until(() => messages().length === 1, 'the report');
    await source.stop();
    await start();
    expect([value(), messages()]).toEqual([
      'z',
      [
        `Duplicate value: ConfigMap default/c belongs to ${at('z.yaml')}; its second definition in ${at('a.yaml')} is ignored`,
      ],
    ]);
    await settled();
    await unlink(at('z.yaml'));
    await until(() => value() === 'a', 'the takeover');
  });
});

describe('a file of a pod, a ConfigMap and a Secret', () => {
  const secret = (password: string): string =>
    `---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: ${password}\n`;
  const text = (map: string, password: string): string =>
    `${manifest('p')}---\n${configMap('c', map)}${secret(password)}`;
  const state = (): readonly unknown[] => [
    images(),
    source.store.object('ConfigMap', 'default', 'c')?.data?.['key'],
    Buffer.from(source.store.object('Secret', 'default', 's')?.data?.['password'] ?? '', 'base64').toString(),
  ];
  const PODS = ['p-node registry/app:1'];

  test('comes as a whole, and an edit of one leaves the others as they are', async () => {
    await start();
    await settled();
    await writeFile(at('all.yaml'), text('one', 'hunter2'));
    await until(() => source.snapshots.length > 0, 'the objects');
    expect(state()).toEqual([PODS, 'one', 'hunter2']);
    const [pod, map] = [source.store.pods()[0], source.store.object('ConfigMap', 'default', 'c')];
    const changes: unknown[] = [];
    source.store.subscribe((uids) => changes.push(uids));
    source.store.subscribeObjects((keys) => changes.push(keys));
    await writeFile(at('all.yaml'), text('one', 'hunter3'));
    await until(() => changes.length > 0, 'the edit');
    expect([state(), changes]).toEqual([[PODS, 'one', 'hunter3'], [new Set(['Secret/default/s'])]]);
    expect(source.store.pods()[0]).toBe(pod);
    expect(source.store.object('ConfigMap', 'default', 'c')).toBe(map);
  });

  test('shows nothing of the Secret that breaks, and keeps it for its owner only', async () => {
    await writeFile(at('all.yaml'), text('one', 'hunter2'));
    await start();
    await source.stop();
    expect((await stat(place.checkpointDir)).mode & 0o777).toBe(0o700);
    await writeFile(at('all.yaml'), text('two', '[hunter3]'));
    await start();
    await until(() => messages().length === 1, 'the report');
    expect(state()).toEqual([PODS, 'two', 'hunter2']);
    expect(messages()).toEqual(['Invalid value: "<secret contents redacted>": must be a string, not a list']);
    expect(JSON.stringify([source.logged, source.store.problems()])).not.toContain('hunter');
    await writeFile(at('all.yaml'), text('two', '*hunter4'));
    await until(() => messages()[0]?.startsWith('unknown anchor') === true, 'the other report');
    expect(state()).toEqual([PODS, 'two', 'hunter2']);
    expect(JSON.stringify([source.logged, source.store.problems()])).not.toContain('hunter');
  });
});

describe('checkpoints', () => {
  test('are for root only and go with their files', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    // A file under way has a name with a dot in front.
    const find = async (): Promise<string | undefined> =>
      (await readdir(place.checkpointDir).catch(() => [])).find((name) => !name.startsWith('.'));
    await until(async () => (await find()) !== undefined, 'the checkpoint');
    const path = join(place.checkpointDir, (await find()) ?? '');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ file: at('a.yaml') });
    await unlink(at('a.yaml'));
    await until(async () => (await readdir(place.checkpointDir)).length === 0, 'its removal');
  });

  test('are not written again by a daemon that starts on the same manifests', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await writeFile(at('b.yaml'), manifest('b'));
    const written = async (): Promise<readonly number[]> => {
      await start();
      await source.stop(); // it ends when all is written
      const names = (await readdir(place.checkpointDir)).sort();
      return Promise.all(names.map(async (name) => (await stat(join(place.checkpointDir, name))).ino));
    };
    const inodes = await written();
    expect(inodes).toHaveLength(2);
    expect(await written()).toEqual(inodes);
    await writeFile(at('a.yaml'), manifest('a', 'another'));
    const later = await written();
    expect(later.filter((inode) => inodes.includes(inode))).toHaveLength(1);
  });

  test('that cannot be written are warned of, and pods run', async () => {
    await writeFile(place.checkpointDir, 'not a directory');
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    await until(() => source.logged.length > 0, 'the warning');
    expect(source.logged.map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'cannot keep the last good manifests on disk'],
    ]);
    expect(images()).toEqual(['a-node registry/app:1']);
  });

  test('that are damaged are removed', async () => {
    await mkdir(place.checkpointDir);
    await writeFile(join(place.checkpointDir, 'x.json'), '{"file":');
    await writeFile(join(place.checkpointDir, '.tmp-1-1'), '{}');
    await start();
    expect(await readdir(place.checkpointDir)).toEqual([]);
  });
});

describe('two files that claim one pod', () => {
  test('the first keeps it, also over a restart, and the second takes over', async () => {
    await writeFile(at('z.yaml'), manifest('p', 'registry/z:1'));
    await start();
    await settled();
    await writeFile(at('a.yaml'), manifest('p', 'registry/a:1'));
    await until(() => messages().length === 1, 'the report');
    const duplicate = `Duplicate value: pod default/p-node belongs to ${at('z.yaml')}; its second definition in ${at('a.yaml')} is ignored`;
    expect([images(), messages()]).toEqual([['p-node registry/z:1'], [duplicate]]);
    await source.stop();
    await start();
    expect([images(), messages()]).toEqual([['p-node registry/z:1'], [duplicate]]);
    await settled();
    await unlink(at('z.yaml'));
    await until(() => images()[0] === 'p-node registry/a:1', 'the takeover');
    expect(messages()).toEqual([]);
  });
});

describe('the directory', () => {
  test('may be missing, come, go and come again', async () => {
    await rm(place.directory, { recursive: true });
    await start();
    expect(source.snapshots.map(({ pods, problems }) => [pods.length, problems[0]?.message])).toEqual([
      [0, 'the manifest directory does not exist: no static pods'],
    ]);
    for (const name of ['a', 'b']) {
      await mkdir(place.directory);
      await writeFile(at(`${name}.yaml`), manifest(name));
      await until(() => images()[0] === `${name}-node registry/app:1` && messages().length === 0, `pod ${name}`);
      await settled();
      await rm(place.directory, { recursive: true });
      await until(() => images().length === 0 && messages().length === 1, 'the end', 3_000);
    }
  });

  test('may be replaced by another', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start();
    await settled();
    await mkdir(join(place.root, 'new'));
    await writeFile(join(place.root, 'new', 'b.yaml'), manifest('b'));
    await rename(place.directory, join(place.root, 'old'));
    await rename(join(place.root, 'new'), place.directory);
    await until(() => images().join() === 'b-node registry/app:1', 'the other', 3_000);
    await writeFile(at('c.yaml'), manifest('c'));
    await until(() => images().length === 2, 'an event in it', 3_000);
  });

  test('may be a symbolic link', async () => {
    await rename(place.directory, join(place.root, 'real'));
    await symlink('real', place.directory);
    await start();
    await settled();
    await writeFile(at('a.yaml'), manifest('a'));
    await until(() => images().length === 1, 'the pod');
    expect(source.store.pods()[0]?.origin).toBe(at('a.yaml'));
  });

  test('may be a volume of Kubernetes, swapped by a link', async () => {
    for (const [version, image] of Object.entries({ '..1': 'registry/app:1', '..2': 'registry/app:2' })) {
      await mkdir(at(version));
      await writeFile(join(at(version), 'a.yaml'), manifest('a', image));
    }
    await symlink('..1', at('..data'));
    await symlink('..data/a.yaml', at('a.yaml'));
    await start();
    await settled();
    expect(images()).toEqual(['a-node registry/app:1']);
    await symlink('..2', at('..data_tmp'));
    await rename(at('..data_tmp'), at('..data'));
    await until(() => images()[0] === 'a-node registry/app:2', 'the swap');
    expect(source.snapshots.every(({ pods }) => pods.length === 1)).toBe(true);
  });

  test('is rescanned for what no event tells', async () => {
    await writeFile(join(place.root, 'outside'), manifest('a'));
    await symlink('../outside', at('a.yaml'));
    await start(100);
    expect(images()).toEqual(['a-node registry/app:1']);
    await writeFile(join(place.root, 'outside'), manifest('a', 'registry/app:2'));
    await until(() => images()[0] === 'a-node registry/app:2', 'the rescan');
  });

  test('takes a burst: the first pods do not wait for the last', async () => {
    await start();
    await settled();
    const names = Array.from({ length: 50 }, (_, index) => `p${index}`);
    await Promise.all(names.map((name) => writeFile(at(`${name}.yaml`), manifest(name))));
    await until(() => images().length === 50, 'all pods');
    expect(source.snapshots.length).toBeGreaterThan(1);
    expect(messages()).toEqual([]);
  });
});

describe('what cannot be read', () => {
  test('keeps its pod and is told', async () => {
    await writeFile(at('a.yaml'), manifest('a'));
    await start(200);
    await unlink(at('a.yaml'));
    await symlink('a.yaml', at('a.yaml'));
    await until(() => messages().length === 1, 'the report');
    expect(images()).toEqual(['a-node registry/app:1']);
    expect(messages()[0]).toMatch(/^cannot be read: ELOOP/);
    await unlink(at('a.yaml'));
    await until(() => images().length === 0 && messages().length === 0, 'its removal');
  });

  test('includes binary and overlong files', async () => {
    await writeFile(at('a.yaml'), Uint8Array.of(0xff, 0xfe, 0x00));
    await writeFile(at('b.yaml'), '');
    await truncate(at('b.yaml'), 11 * 1024 * 1024);
    await start();
    await until(() => messages().length === 2, 'the reports');
    expect(messages()).toEqual(['cannot be read: is not UTF-8 text', 'cannot be read: larger than 10485760 bytes']);
  });

  test('includes directories and FIFOs, which nothing hangs on', async () => {
    await mkdir(at('a'));
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', at('b')]);
    await start();
    expect(source.store.problems()).toEqual([
      { origin: at('a'), severity: 'warning', message: 'is a directory, not a manifest' },
      { origin: at('b'), severity: 'warning', message: 'is a special file, not a manifest' },
    ]);
  });
});
