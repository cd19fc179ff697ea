import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planClaims, type ClaimingFile, type ClaimsPlan, type Owner } from '../../../agent/sources/claims-plan.ts';
import { podKey } from '../../../agent/objects/index.ts';
import { sourced, sourcedMap } from './helpers.ts';

type Claims = Readonly<Record<string, readonly (readonly [name: string, uid: string])[]>>;

/** Files in lexical order; a name that ends with `-` is leaving. */
function files(claims: Claims): readonly ClaimingFile[] {
  return Object.entries(claims).map(([name, pods]) => {
    const origin = name.replace(/-$/, '');
    return {
      origin,
      leaving: name.endsWith('-'),
      objects: [],
      pods: pods.map(([pod, uid]) => sourced(pod, uid, origin)),
    };
  });
}

function taken(plan: ClaimsPlan): readonly string[] {
  return plan.pods.map(({ pod, origin }) => `${origin}:${pod.metadata.name}:${pod.metadata.uid}`);
}

function plan(claims: Claims, owners: ReadonlyMap<string, Owner> = new Map()): ClaimsPlan {
  return planClaims(files(claims), owners);
}

describe('a pod that two files claim', () => {
  test('goes to the first by name, and the other is told both', () => {
    const result = plan({
      a: [['p', '1']],
      b: [
        ['p', '2'],
        ['q', '3'],
      ],
    });
    expect(taken(result)).toEqual(['a:p:1', 'b:q:3']);
    expect(result.problems).toEqual([
      {
        origin: 'b',
        path: 'metadata.name',
        severity: 'error',
        message: 'Duplicate value: pod default/p belongs to a; its second definition in b is ignored',
        pod: 'default/p',
      },
    ]);
  });

  test('stays with the file that has it, also when that is edited', () => {
    const first = plan({ b: [['p', '2']] });
    const second = plan({ a: [['p', '1']], b: [['p', '2']] }, first.owners);
    const third = plan({ a: [['p', '1']], b: [['p', '22']] }, second.owners);
    expect([second, third].map(taken)).toEqual([['b:p:2'], ['b:p:22']]);
  });

  test('is taken over when the first goes', () => {
    const first = plan({ a: [['p', '1']], b: [['p', '2']] });
    const leaving = plan({ 'a-': [['p', '1']], b: [['p', '2']] }, first.owners);
    const gone = plan({ b: [['p', '2']] }, first.owners);
    expect([leaving, gone].map(taken)).toEqual([['b:p:2'], ['b:p:2']]);
    expect([leaving, gone].flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('stays with a file that is missing for a moment while nobody else wants it', () => {
    expect(taken(plan({ 'a-': [['p', '1']] }))).toEqual(['a:p:1']);
  });

  test('twice in one file: the first document has it', () => {
    const result = plan({
      a: [
        ['p', '1'],
        ['p', '2'],
      ],
    });
    expect(taken(result)).toEqual(['a:p:1']);
    expect(result.problems).toHaveLength(1);
  });
});

test('a UID that two pods claim stays with the one that has it', () => {
  const first = plan({ b: [['q', '1']] });
  const second = plan({ a: [['p', '1']], b: [['q', '1']] }, first.owners);
  expect(taken(second)).toEqual(['b:q:1']);
  expect(second.problems).toEqual([
    {
      origin: 'a',
      path: 'metadata.uid',
      severity: 'error',
      message: 'Duplicate value: UID 1 (pod default/q) belongs to b; its second definition in a is ignored',
      pod: 'default/p',
    },
  ]);
});

describe('another object that two files claim', () => {
  const file = (origin: string, ...maps: readonly string[]): ClaimingFile => ({
    origin,
    leaving: origin.endsWith('-'),
    pods: [sourced(`pod-${origin}`, origin, origin)],
    objects: maps.map((text) => sourcedMap(text.slice(0, 1), text.slice(1), origin)),
  });
  const won = (result: ClaimsPlan): readonly string[] =>
    result.objects.map(
      ({ object, origin }) => `${origin}:${object.metadata.name}${object.metadata.resourceVersion ?? ''}`,
    );

  test('goes to the first by name, and the other is told both', () => {
    const result = planClaims([file('a', 'm1'), file('b', 'm2', 'n3')], new Map());
    expect([won(result), result.pods.length]).toEqual([['a:m1', 'b:n3'], 2]);
    expect(result.problems).toEqual([
      {
        origin: 'b',
        path: 'metadata.name',
        severity: 'error',
        message: 'Duplicate value: ConfigMap default/m belongs to a; its second definition in b is ignored',
        object: 'ConfigMap/default/m',
      },
    ]);
  });

  test('stays with the file that has it, also when that is edited, until that lets go', () => {
    const first = planClaims([file('b', 'm2')], new Map());
    const second = planClaims([file('a', 'm1'), file('b', 'm3')], first.owners);
    const third = planClaims([file('a', 'm1'), file('b-', 'm3')], second.owners);
    expect([second, third].map(won)).toEqual([['b:m3'], ['a:m1']]);
  });

  test('twice in one file: the one that it has already, else the first', () => {
    const first = planClaims([file('a', 'm1', 'm2')], new Map());
    const second = planClaims([file('a', 'm0', 'm1')], first.owners);
    expect([first, second].map(won)).toEqual([['a:m1'], ['a:m1']]);
  });
});

test('laws: names and UIDs are unique, every claim is won or told, and a second plan is the same', () => {
  const claims = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd-'),
    fc.array(fc.tuple(fc.constantFrom('p', 'q', 'r'), fc.constantFrom('1', '2', '3')), { maxLength: 3 }),
  );
  fc.assert(
    fc.property(claims, claims, (before, now) => {
      const wanted = files(now);
      const result = planClaims(wanted, plan(before).owners);
      const keys = result.pods.map(({ pod }) => podKey(pod));
      const uids = result.pods.map(({ pod }) => pod.metadata.uid);
      expect([new Set(keys).size, new Set(uids).size]).toEqual([keys.length, uids.length]);
      const present = wanted.filter(({ leaving }) => !leaving).flatMap(({ pods }) => pods);
      const lost = present.filter((one) => !result.pods.includes(one));
      expect(result.problems).toHaveLength(lost.length);
      expect(taken(planClaims(wanted, result.owners))).toEqual(taken(result));
    }),
  );
});
