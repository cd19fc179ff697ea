import { expect, test } from 'vitest';
import type { ApiObject } from '../../../agent/api/types.ts';
import type { Secret } from '../../../agent/objects/types.ts';
import { parseCheckpoint, renderCheckpoint } from '../../../agent/sources/api-checkpoint-plan.ts';
import { sourcedMap } from './helpers.ts';

const pod = (name: string, nodeName: string): ApiObject => ({
  metadata: { name, uid: `uid-${name}`, namespace: 'default' },
  spec: { nodeName, containers: [], futureField: { kept: true } },
});
const map = sourcedMap('settings', '1', 'api').object;
const secret: Secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'login', namespace: 'default', uid: 'login', labels: {}, annotations: {} },
  data: { password: 'aHVzaA==' },
};

test('pods come back as they were, but who wrote which field', () => {
  const web = pod('web', 'n1');
  const managed = { ...web, metadata: { ...web.metadata, managedFields: [{ manager: 'kubectl' }] } };
  const { pods } = renderCheckpoint({ pods: [managed], objects: [map] });
  expect(parseCheckpoint(pods, 'n1')).toEqual({ pods: [web], objects: [map] });
});

test('Secrets are in one file only', () => {
  const { pods, secrets } = renderCheckpoint({ pods: [], objects: [map, secret] });
  expect(pods).not.toContain('aHVzaA==');
  expect(parseCheckpoint(pods, 'n1').objects).toEqual([map]);
  expect(parseCheckpoint(secrets, 'n1').objects).toEqual([secret]);
});

test('pods of another node, and what is no object, are left out', () => {
  const entries = [pod('web', 'n1'), pod('far', 'n2'), null, 'x', { metadata: { name: 'a', uid: 'b' } }];
  const text = JSON.stringify({ version: 1, pods: entries, objects: [map, { kind: 'Node', metadata: {} }, 1] });
  expect(parseCheckpoint(text, 'n1')).toEqual({ pods: [pod('web', 'n1')], objects: [map] });
});

test.each(['', '{', 'null', '[]', '{}', '{"version":2,"pods":[]}'])('%j is no checkpoint', (text) => {
  expect(() => parseCheckpoint(text, 'n1')).toThrow();
});
