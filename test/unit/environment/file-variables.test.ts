import { describe, expect, test } from 'vitest';
import { ContainerConfigError, readEnvFiles, resolveEnvironment } from '../../../agent/environment/index.ts';
import type { ReadVolumeFile } from '../../../agent/environment/file-variables.ts';
import type { FileKeyRef } from '../../../agent/objects/types.ts';
import { container, FACTS, pod, reader } from './helpers.ts';

const never = new AbortController().signal;
const contents: Readonly<Record<string, string | Uint8Array>> = {
  'config/app.env': "HOST='192.0.2.7'\nREF='$(HOST)'\nUTF8='ä'\nNUL='a\0b'\n",
  'config/bad.env': 'secret\n',
  'config/raw.env': Buffer.from("KEY='\xff'\nOK='1'\n", 'latin1'),
};

/** Environment of a container whose variables A0, A1, ... come from files. */
async function resolve(...references: readonly FileKeyRef[]): Promise<object> {
  const env = references.map((fileKeyRef, index) => ({ name: `A${index}`, valueFrom: { fileKeyRef } }));
  const files = await readEnvFiles({ env }, read, never);
  return Object.fromEntries(resolveEnvironment(pod(), container({ env }), { objects: reader(), facts: FACTS, files }));
}

const reads: string[] = [];
const read: ReadVolumeFile = (volume, path) => {
  const name = `${volume}/${path}`;
  reads.push(name);
  const content = contents[name];
  if (content === undefined) return Promise.reject(new Error('no such file'));
  return Promise.resolve({ path: `/host/${name}`, bytes: Buffer.from(content) });
};

const key = (name: string, path = 'app.env', rest: object = {}): FileKeyRef => ({
  ...{ volumeName: 'config', path, key: name },
  ...rest,
});

describe('variables out of files', () => {
  test('are taken as they are, and each file is read once', async () => {
    reads.length = 0;
    expect(await resolve(key('HOST'), key('REF'), key('UTF8'), key('OK', 'raw.env'))).toEqual({
      ...{ A0: '192.0.2.7', A1: '$(HOST)', A2: 'ä', A3: '1' },
    });
    expect(reads).toEqual(['config/app.env', 'config/raw.env']);
  });

  test('are left out when they are optional and not there', async () => {
    expect(await resolve(key('NONE', 'app.env', { optional: true }), key('HOST'))).toEqual({ A1: '192.0.2.7' });
  });

  test.each<[FileKeyRef, string]>([
    [key('NONE'), 'environment variable key "NONE" not found in file "/host/config/app.env"'],
    [key('KEY', 'none.env'), 'couldn\'t parse env file: "none.env" of volume "config": no such file'],
    [key('KEY', 'none.env', { optional: true }), 'no such file'],
    [key('KEY', 'bad.env'), '"bad.env" of volume "config": invalid environment variable format at line 1: missing'],
    [key('KEY', 'bad.env', { optional: true }), 'at line 1'],
    [key('KEY', 'raw.env'), '"raw.env" of volume "config": the value is not valid UTF-8'],
    [key('NUL'), 'the value of environment variable A0 contains a NUL byte'],
  ])('%j: %s', async (reference, message) => {
    const error: unknown = await resolve(reference).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ContainerConfigError);
    expect(error).toMatchObject({ message: expect.stringContaining(message) as string });
    expect(String(error)).not.toContain('secret');
  });

  test('are not held without end, however many files a container names', async () => {
    let count = 0;
    const large: ReadVolumeFile = (_, path) => {
      count += 1;
      return Promise.resolve({ path, bytes: new Uint8Array(1024 ** 2) });
    };
    const env = Array.from({ length: 20 }, (_, index) => ({
      name: `A${index}`,
      valueFrom: { fileKeyRef: key('HOST', `${index}.env`) },
    }));
    const files = await readEnvFiles({ env }, large, never);
    expect(count).toBe(8);
    const resolved = (): unknown =>
      resolveEnvironment(pod(), container({ env: env.slice(8) }), { objects: reader(), facts: FACTS, files });
    expect(resolved).toThrow(/"8\.env" of volume "config": the files of the container are larger than 8 MiB together/);
  });

  test('are not waited for when the pod is ended', async () => {
    const env = [{ name: 'A', valueFrom: { fileKeyRef: key('HOST') } }];
    await expect(readEnvFiles({ env }, read, AbortSignal.abort(new Error('ended')))).rejects.toThrow('ended');
  });
});
