import { expect, test } from 'vitest';
import { planHidden } from '../../../agent/volumes/hidden-plan.ts';

const hidden = { path: '/run/podwright', empty: '/empty' };
const covered = (containerPath: string) => ({
  ...{ hostPath: '/empty', containerPath, readOnly: true, propagation: 'private' },
});

test.each([
  ['the root', '/', '/host', [covered('/host/run/podwright')]],
  ['the directory above', '/run', '/var/run', [covered('/var/run/podwright')]],
  ['a neighbour', '/run/docker.sock', '/docker.sock', []],
  ['a neighbour whose name begins alike', '/run/podwright-data', '/data', []],
])('%s', (_, source, containerPath, expected) => {
  expect(planHidden([{ source, containerPath }], hidden)).toEqual(expected);
});

test.each(['/run/podwright', '/run/podwright/podwright.sock'])('%s is refused', (source) => {
  expect(() => planHidden([{ source, containerPath: '/api' }], hidden)).toThrow(
    `${source} holds the API of podwright: no container may mount it`,
  );
});
