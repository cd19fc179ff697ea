import { marker } from './unit-render.ts';

/** A file that is to be there. */
export interface WantedFile {
  readonly path: string;
  /** Undefined for one that must not be there. */
  readonly content: string | undefined;
  /** `user`: made when it is missing, and then the user's. */
  readonly owner: 'podwright' | 'user';
}

/** What is known of the host. */
export interface HostFacts {
  readonly uid: number;
  /** systemd runs as PID 1 (`sd_booted(3)`). */
  readonly hasSystemd: boolean;
  readonly isKubeletActive: boolean;
  /** cri-dockerd's socket, at the same place as podwright's own. */
  readonly isCriDockerdActive: boolean;
  /** Of {@link unitName}. */
  readonly service: { readonly isActive: boolean; readonly isEnabled: boolean };
  /** Contents of files that exist. */
  readonly files: ReadonlyMap<string, string>;
}

/** What is done to the host. */
export type Step =
  | { readonly do: 'write'; readonly path: string; readonly content: string }
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'tell'; readonly text: string }
  | { readonly do: 'reload' }
  | { readonly do: 'enable' }
  | { readonly do: 'start' }
  | { readonly do: 'restart' }
  | { readonly do: 'stop' }
  | { readonly do: 'listen' }
  | { readonly do: 'unlisten' };

/** Files that come and go together, and what must end before. */
export interface InstalledGroup {
  readonly files: readonly WantedFile[];
  /** Path of the one that {@link stop} is about: without it systemd has nothing to stop, and says that this failed. */
  readonly unit: string;
  readonly stop: Step;
}

/** Cannot be done on this host as it is; `advice` says what helps. */
export class InstallRefused extends Error {
  override readonly name = 'InstallRefused';
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/**
 * What makes the host run the daemon; what is so already is left alone.
 *
 * @param options.start false to leave the daemon as it is
 * @throws InstallRefused
 */
export function planInstall(
  facts: HostFacts,
  wanted: readonly WantedFile[],
  { start }: { readonly start: boolean },
): readonly Step[] {
  refuseHost(facts, 'installing');
  if (start && facts.isKubeletActive) {
    throw new InstallRefused(
      'the kubelet runs on this host, and podwright takes its place',
      'systemctl disable --now kubelet, then run this again; or give --no-start to start podwright later',
    );
  }
  const { steps, isChanged } = planFiles(facts, wanted);
  return [...steps, ...planService(facts.service, isChanged, start)];
}

/**
 * What makes the files as they are wanted, and known to systemd.
 *
 * @throws InstallRefused for one of somebody else's
 */
function planFiles(
  facts: HostFacts,
  wanted: readonly WantedFile[],
): { readonly steps: readonly Step[]; readonly isChanged: boolean } {
  for (const file of wanted) refuseForeign(file, facts);
  const files = wanted.flatMap((file) => planFile(file, facts));
  const isChanged = files.some((step) => step.do !== 'tell');
  return { steps: isChanged ? [...files, { do: 'reload' }] : files, isChanged };
}

function planService({ isActive, isEnabled }: HostFacts['service'], isChanged: boolean, start: boolean): Step[] {
  const enable: Step = isEnabled ? { do: 'tell', text: 'The service is enabled already' } : { do: 'enable' };
  if (!start) return [enable];
  if (!isActive) return [enable, { do: 'start' }];
  return [enable, isChanged ? { do: 'restart' } : { do: 'tell', text: 'The service runs already' }];
}

function planFile({ path, content, owner }: WantedFile, { files }: HostFacts): Step[] {
  const present = files.get(path);
  if (content === undefined) return present === undefined ? [] : [{ do: 'remove', path }];
  if (present === content) return [{ do: 'tell', text: `${path} is as it should be` }];
  if (present !== undefined && owner === 'user') return [{ do: 'tell', text: `${path} is kept as you have it` }];
  return [{ do: 'write', path, content }];
}

function refuseForeign({ path, owner }: WantedFile, { files }: HostFacts): void {
  if (owner === 'user' || isOwn(files.get(path))) return;
  throw new InstallRefused(`${path} is there already, and podwright install did not make it`, 'move it away');
}

const isOwn = (content: string | undefined): boolean => content === undefined || content.startsWith(marker);

/**
 * What makes the host answer at the socket of CRI.
 *
 * @throws InstallRefused
 */
export function planCriInstall(facts: HostFacts, { files: wanted, unit, stop }: InstalledGroup): readonly Step[] {
  refuseHost(facts, 'installing');
  if (facts.isCriDockerdActive) {
    throw new InstallRefused(
      'cri-dockerd answers at the socket of CRI on this host',
      'kubeadm is content with it; or first: systemctl disable --now cri-docker.socket cri-docker.service',
    );
  }
  const { steps, isChanged } = planFiles(facts, wanted);
  const isUpdate = isChanged && facts.files.has(unit);
  return [...(isUpdate ? [stop] : []), ...steps, { do: 'listen' }];
}

/**
 * What takes back what {@link planInstall} and {@link planCriInstall} did: files that they did not make, and those that the user
 * has changed, stay.
 *
 * @param groups with the files as they would be made now
 * @throws InstallRefused
 */
export function planUninstall(facts: HostFacts, groups: readonly InstalledGroup[]): readonly Step[] {
  refuseHost(facts, 'uninstalling');
  const steps = groups.flatMap((group) => planRemoval(facts, group));
  if (steps.some((step) => step.do === 'remove')) return [...steps, { do: 'reload' }];
  return [...steps, { do: 'tell', text: 'Nothing of podwright install is here' }];
}

function planRemoval(facts: HostFacts, { files, unit, stop }: InstalledGroup): readonly Step[] {
  const present = files.flatMap(({ path, owner, content }) => {
    const found = facts.files.get(path);
    if (found === undefined) return [];
    return [{ path, owner, isOurs: found.startsWith(marker), isEdited: owner === 'user' && found !== content }];
  });
  const ownsUnit = present.some(({ path, isOurs }) => path === unit && isOurs);
  const removals = present.map(({ path, isOurs, isEdited }): Step => {
    if (!isOurs) return { do: 'tell', text: `${path} stays: podwright install did not make it` };
    return isEdited ? { do: 'tell', text: `${path} stays: you have changed it` } : { do: 'remove', path };
  });
  return [...(ownsUnit ? [stop] : []), ...removals];
}

function refuseHost({ uid, hasSystemd }: HostFacts, what: string): void {
  if (!hasSystemd) {
    throw new InstallRefused(
      'systemd does not run on this host (there is no /run/systemd/system), and nothing else is supported',
      'have your init system run: podwright run',
    );
  }
  if (uid !== 0) throw new InstallRefused(`${what} takes the rights of root`, 'run it with sudo');
}

/** Of a step, for people. */
export function describeStep(step: Step): string {
  switch (step.do) {
    case 'write':
      return `Write ${step.path}`;
    case 'remove':
      return `Remove ${step.path}`;
    case 'tell':
      return step.text;
    case 'reload':
      return 'Have systemd read its units again';
    case 'enable':
      return 'Enable the service: it starts when the host boots';
    case 'start':
      return 'Start the service';
    case 'restart':
      return 'Restart the service; pods run on';
    case 'stop':
      return 'Stop and disable the service; pods run on';
    case 'listen':
      return 'Have systemd listen at the socket of CRI, now and at each boot';
    case 'unlisten':
      return 'Close the socket of CRI';
  }
}
