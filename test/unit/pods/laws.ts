import { expect } from 'vitest';
import type { Container } from '../../../agent/objects/types.ts';
import { containerHash, annotation } from '../../../agent/pods/annotations.ts';
import { isSidecar } from '../../../agent/objects/pod-resources.ts';
import { allContainers, mayRun, newestContainer, newestIn } from '../../../agent/pods/observed.ts';
import type { PodActions } from '../../../agent/pods/plan-types.ts';
import { desiredResize } from '../../../agent/pods/resize.ts';
import { linuxResources } from '../../../agent/pods/resources.ts';
import { isTerminalPhase } from '../../../agent/pods/status.ts';
import type { RuntimeContainerStatus } from '../../../agent/runtime/types.ts';
import type { World } from './simulator.ts';

/** What every plan must hold to, whatever came before; each law throws when it is broken. */
export const planLaws: Readonly<Record<string, (world: World, actions: PodActions) => void>> = {
  'a container does not start beside itself': ({ containers }, { startContainers, killContainers, finished }) => {
    const killed = new Set(killContainers.map(({ container }) => container.id));
    const names = startContainers.map(({ container }) => container.name);
    expect(new Set(names).size).toBe(names.length);
    expect(finished && names.length > 0).toBe(false);
    expect(containers.filter((one) => names.includes(one.name) && mayRun(one) && !killed.has(one.id))).toEqual([]);
  },

  'an init or app container starts when all before it are done, in this sandbox': (world, actions) => {
    const { initContainers = [], containers } = world.pod.spec;
    for (const { container, kind } of actions.startContainers.filter((start) => start.kind !== 'ephemeral')) {
      const before = kind === 'app' ? initContainers : initContainers.slice(0, initContainers.indexOf(container));
      const open = before.filter(({ name }) => !world.initialized.has(`${actions.sandboxId}/${name}`));
      expect(open.map(({ name }) => name)).toEqual([]);
      expect([...initContainers, ...containers]).toContain(container);
    }
  },

  'a regular init container that is done stays done while a trace of it is left': ({ pod, observed }, actions) => {
    const { initContainers = [] } = pod.spec;
    if (actions.sandboxId === undefined) return;
    for (const { container } of actions.startContainers.filter((start) => start.kind === 'init')) {
      const index = initContainers.indexOf(container);
      const later = isSidecar(container) ? [] : [...initContainers.slice(index + 1), ...pod.spec.containers];
      const status = newestIn(observed, { id: actions.sandboxId }, container.name);
      expect(later.filter(({ name }) => newestIn(observed, { id: actions.sandboxId ?? '' }, name))).toEqual([]);
      expect(!isSidecar(container) && status?.state === 'exited' && status.exitCode === 0).toBe(false);
    }
  },

  'only what is there is touched': ({ containers, sandboxes }, actions) => {
    const ids = new Set([...containers, ...sandboxes].map(({ id }) => id));
    const touched = [
      ...actions.stopSandboxes.map(({ id }) => id),
      ...actions.killContainers.map(({ container }) => container.id),
      ...actions.resizeContainers.map(({ id }) => id),
      ...actions.removeContainers,
    ];
    expect(touched.filter((id) => !ids.has(id))).toEqual([]);
  },

  'what is well and wanted is not killed': (world, actions) => {
    if (actions.replace || world.isOver || !hasUsableSandbox(world)) return;
    const killed = new Set(actions.killContainers.map(({ container }) => container.id));
    const doomed = world.containers.filter(({ id }) => killed.has(id));
    const apps = new Set(world.pod.spec.containers.map(({ name }) => name));
    const reasonless = doomed.filter((one) => isWell(world, one) && (!actions.finished || apps.has(one.name)));
    const initFailed = actions.finished && hasFailedInit(world);
    expect(initFailed ? [] : reasonless.map(({ id }) => id)).toEqual([]);
  },

  'a sidecar runs, starts or waits while an app container runs': (world, actions) => {
    const { observed, pod } = world;
    const sandbox = observed.sandboxes[0];
    if (world.isOver || actions.sandboxId === undefined) return;
    if (!pod.spec.containers.some(({ name }) => newestIn(observed, sandbox, name)?.state === 'running')) return;
    const cared = new Set([...actions.startContainers, ...actions.backingOff].map(({ container }) => container.name));
    const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
    const idle = sidecars.filter(
      ({ name }) => !cared.has(name) && newestIn(observed, sandbox, name)?.state !== 'running',
    );
    expect(idle.map(({ name }) => name)).toEqual([]);
  },

  'a pod that is over starts nothing': ({ isOver }, { startContainers, createSandbox }) => {
    if (isOver) expect({ startContainers, createSandbox }).toEqual({ startContainers: [], createSandbox: undefined });
  },

  'a back-off is waited for': (world, { startContainers }) => {
    for (const { container, lastFinishedAt = 0 } of startContainers) {
      const ended = world.containers.find(({ name, state }) => name === container.name && state === 'exited');
      if (ended !== undefined) expect(lastFinishedAt).toBe(ended.finishedAt);
      expect(world.backingOff(container, lastFinishedAt)).toBeUndefined();
    }
  },

  'a sandbox is made for a container, and not beside another': ({ sandboxes }, actions) => {
    if (actions.createSandbox === undefined) return;
    expect(actions.startContainers.length).toBeGreaterThan(0);
    expect(actions.stopSandboxes).toEqual(sandboxes);
    expect(sandboxes.every(({ attempt }) => attempt < (actions.createSandbox ?? 0))).toBe(true);
  },

  'restart counts rise': ({ containers }, { startContainers, removeContainers }) => {
    for (const { container, attempt } of startContainers) {
      const others = containers.filter(({ name, id }) => name === container.name && !removeContainers.includes(id));
      expect(others.filter((other) => other.attempt >= attempt).map(({ id }) => id)).toEqual([]);
    }
  },

  'the newest dead container of each is kept, and no living one is removed': ({ observed }, { removeContainers }) => {
    const removed = observed.containers.filter(({ id }) => removeContainers.includes(id));
    expect(removed.filter(mayRun)).toEqual([]);
    const newest = (name: string): RuntimeContainerStatus | undefined =>
      observed.containers.find((one) => one.name === name && one.state === 'exited');
    expect(removed.filter((one) => newest(one.name) === one)).toEqual([]);
  },

  'an ephemeral container runs once': ({ ephemeralRan, observed }, { startContainers }) => {
    const again = startContainers.filter(({ kind, container: { name } }) => {
      // One that somebody removed leaves no trace: it runs once more, as the kubelet's does.
      const trace = newestContainer(observed, name);
      return kind === 'ephemeral' && ephemeralRan.has(name) && trace !== undefined && trace.state !== 'created';
    });
    expect(again).toEqual([]);
  },

  'what has ended for good has a phase that says so': ({ status, observed, failure }, { finished }) => {
    if (!finished || observed.containers.some(mayRun)) return;
    expect([
      status?.phase,
      failure === undefined || status?.phase === 'Failed' || isTerminalPhase(status?.phase),
    ]).toEqual([expect.stringMatching(/^(Succeeded|Failed)$/), true]);
  },
};

function hasUsableSandbox({ sandboxes }: World): boolean {
  const ready = sandboxes.filter(({ state }) => state === 'ready');
  return ready.length === 1 && ready[0] === sandboxes[0] && ready[0]?.ips.length !== 0;
}

/** It runs where it should, is what the spec wants, and no probe complains. */
function isWell({ pod, observed, failing }: World, one: RuntimeContainerStatus): boolean {
  const wanted = allContainers(pod).find(({ name }) => name === one.name);
  if (wanted === undefined || one.state !== 'running' || one.sandboxId !== observed.sandboxes[0]?.id) return false;
  if (failing.has(one.id) || newestContainer(observed, one.name) !== one || !hasSameImage(wanted, one)) return false;
  return desiredResize(wanted, linuxResources(wanted), one)?.action !== 'restart';
}

const hasSameImage = (wanted: Container, one: RuntimeContainerStatus): boolean =>
  one.annotations[annotation.containerHash] === containerHash(wanted);

function hasFailedInit({ pod, observed }: World): boolean {
  return (pod.spec.initContainers ?? []).some((container) => {
    const status = newestContainer(observed, container.name);
    return !isSidecar(container) && (status?.state === 'unknown' || (status?.exitCode ?? 0) !== 0);
  });
}
