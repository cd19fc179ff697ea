import { describe, expect, it } from 'vitest';
import { ApiStatusError } from '../../../agent/api/errors.ts';
import type { ApiClient } from '../../../agent/api/types.ts';
import { eventually } from '../../../agent/control-plane/cluster-calls.ts';
import { applyObjects } from '../../../agent/control-plane/objects/apply.ts';
import { configMap } from '../../../agent/control-plane/objects/make-render.ts';
import { markPatch } from '../../../agent/control-plane/node-plan.ts';

const { signal } = new AbortController();

/** A server that has some objects, by name. */
function server(names: readonly string[]) {
  const calls: string[] = [];
  const api: Pick<ApiClient, 'get' | 'create' | 'patch'> = {
    get: (_, { name }) =>
      names.includes(name)
        ? Promise.resolve({ metadata: { name } } as never)
        : Promise.reject(new ApiStatusError('get', 404, {})),
    create: (resource, { name = '' }) => {
      calls.push(`create ${resource.plural} ${name}`);
      return Promise.resolve({ metadata: { name } } as never);
    },
    patch: (resource, { name }) => {
      calls.push(`patch ${resource.plural} ${name}`);
      return Promise.resolve({ metadata: { name } } as never);
    },
  };
  return { api: api as ApiClient, calls };
}

const objects = ['old', 'new'].map((name) => configMap('kube-system', name, { key: 'value' }));

describe('objects of a new cluster', () => {
  it('are created, or brought to what is wanted', async () => {
    const { api, calls } = server(['old']);
    await applyObjects(api, objects, {}, signal);
    expect(calls).toEqual(['patch configmaps old', 'create configmaps new']);
  });

  it('stay as their users made them where that is wanted', async () => {
    const { api, calls } = server(['old']);
    await applyObjects(api, objects, { keepExisting: true }, signal);
    expect(calls).toEqual(['create configmaps new']);
  });
});

describe('a call to a control plane that starts', () => {
  function patience() {
    let time = 0;
    const clock = {
      now: () => time,
      sleep: (ms: number) => {
        time += ms;
        return Promise.resolve();
      },
    };
    return { clock, timeoutMs: 2_000, advice: 'look there' };
  }

  it('is made until it succeeds', async () => {
    let calls = 0;
    const call = () => {
      calls += 1;
      return calls < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve('done');
    };
    expect(await eventually('it answers', patience(), call, signal)).toBe('done');
  });

  it('tells of the last failure when the time is over', async () => {
    const call = () => Promise.reject(new Error('refused'));
    const failure = eventually('it answers', patience(), call, signal);
    await expect(failure).rejects.toMatchObject({
      message: 'not so after 2 s: it answers: refused',
      advice: 'look there',
    });
  });

  it('ends with its signal', async () => {
    const controller = new AbortController();
    const call = () => {
      controller.abort(new Error('interrupted'));
      return Promise.reject(new Error('refused'));
    };
    await expect(eventually('it answers', patience(), call, controller.signal)).rejects.toThrow('interrupted');
  });
});

describe('the mark of a control-plane node', () => {
  const taint = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };
  const other = { key: 'other', effect: 'NoExecute' };

  it('adds taints to those that there are, once', () => {
    const settings = { version: { minor: 32, text: 'v1.32.0' }, taints: [taint] };
    expect(markPatch(settings, [other, taint])).toEqual({
      metadata: {
        labels: {
          'node-role.kubernetes.io/control-plane': '',
          'node.kubernetes.io/exclude-from-external-load-balancers': '',
        },
      },
      spec: { taints: [taint, other] },
    });
  });

  it('has the older name beside it before 1.24', () => {
    const patch = markPatch({ version: { minor: 23, text: 'v1.23.0' }, taints: [] }, []);
    expect(patch).toMatchObject({ metadata: { labels: { 'node-role.kubernetes.io/master': '' } } });
  });
});
