import { type Facts, packages, type PathFacts, type Program, type Verdict } from './facts.ts';

const capSysResource = 24n;
const requiredCapabilities = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/** What the host itself must have: rights, programs, cgroups, directories, time. */
export function planHost(facts: Facts): Verdict[] {
  return [
    root(facts),
    oomScore(facts),
    ...(Object.keys(packages) as Program[]).map((name) => program(name, facts)),
    cgroups(facts),
    manifests(facts.manifestDir),
    space(facts),
    swap(facts),
    time(facts),
  ];
}

const has = (facts: Facts, capability: bigint): boolean => ((facts.capabilities >> capability) & 1n) === 1n;

function root(facts: Facts): Verdict {
  const name = 'root';
  if (facts.uid !== 0) {
    return {
      name,
      level: 'FAIL',
      message: `runs as user ${facts.uid}: podwright makes links, mounts and firewall rules`,
      fix: 'run it with sudo, or as a systemd service',
    };
  }
  const missing = Object.entries(requiredCapabilities).filter(([, capability]) => !has(facts, capability));
  if (missing.length === 0) return { name, level: 'OK', message: 'runs as root' };
  const names = missing.map(([capability]) => capability).join(', ');
  return { name, level: 'FAIL', message: `root without ${names}`, fix: 'run outside this container, or privileged' };
}

function oomScore(facts: Facts): Verdict {
  const name = 'CAP_SYS_RESOURCE';
  if (has(facts, capSysResource)) return { name, level: 'OK', message: 'oom_score_adj can be lowered' };
  return {
    name,
    level: 'WARN',
    message: 'is missing: containers run without a negative oom_score_adj, whatever their QoS class',
    fix: 'give the capability to the container or unit that podwright runs in',
  };
}

/** Programs that are not needed for every pod: what is missing without each. */
const optional: Partial<Record<Program, string>> = {
  nft: 'host ports go through iptables',
  'ip6tables-restore': 'pods have no IPv6 masquerade',
  conntrack: 'UDP peers of a host port may keep a stale path for a while',
};

function program(name: Program, { programs }: Facts): Verdict {
  if (programs.has(name)) return { name, level: 'OK', message: 'is in PATH' };
  const without = optional[name];
  return {
    name,
    level: without === undefined ? 'FAIL' : 'WARN',
    message: `is not in PATH${without === undefined ? '' : `: ${without}`}`,
    fix: `apt-get install ${packages[name]}`,
  };
}

/** Controllers that limits and QoS classes of pods rest on. */
const neededControllers = ['cpu', 'memory', 'pids'];

function cgroups({ cgroup }: Facts): Verdict {
  const name = 'cgroups';
  if (cgroup === undefined) {
    return {
      name,
      level: 'FAIL',
      message: 'are not mounted at /sys/fs/cgroup',
      fix: 'mount them: apt-get install systemd',
    };
  }
  const missing = neededControllers.filter((controller) => !cgroup.controllers.includes(controller));
  if (missing.length === 0)
    return { name, level: 'OK', message: `v${cgroup.version}: ${cgroup.controllers.join(', ')}` };
  return {
    name,
    level: 'WARN',
    message: `v${cgroup.version} without ${missing.join(', ')}: such limits of pods have no effect`,
    fix: missing.includes('memory')
      ? 'boot with the kernel parameters cgroup_enable=memory swapaccount=1'
      : 'use a kernel that has them',
  };
}

const groupOrOthersWrite = 0o022;

function manifests({ path, exists, isDirectory, uid, mode }: PathFacts): Verdict {
  const name = 'manifest directory';
  if (!exists) {
    return {
      name,
      level: 'WARN',
      message: `${path} is not there: no pods until it is`,
      fix: `mkdir -p -m 0755 ${path}`,
    };
  }
  if (!isDirectory) {
    return { name, level: 'FAIL', message: `${path} is no directory`, fix: 'name another with --manifests' };
  }
  if (uid !== 0 || (mode & groupOrOthersWrite) !== 0) {
    return {
      name,
      level: 'WARN',
      message: `${path} can be written by others than root, who can become root through a pod`,
      fix: `chown root ${path} && chmod go-w ${path}`,
    };
  }
  return { name, level: 'OK', message: path };
}

const gib = 1024 ** 3;
const mib = 1024 ** 2;
/** Below this a few images fill the disk. */
const littleBytes = 2 * gib;
const noBytes = 100 * mib;
const fewInodes = 10_000;

function space({ rootDir: { path, freeBytes, freeInodes } }: Facts): Verdict {
  const name = 'disk space';
  if (freeBytes === undefined) {
    return {
      name,
      level: 'WARN',
      message: `cannot be learned of ${path}`,
      fix: 'name another directory with --root-dir',
    };
  }
  const message = `${(freeBytes / gib).toFixed(1)} GiB free for ${path}`;
  const fix = 'remove what is not used: docker system df, docker image prune';
  if (freeBytes < noBytes) return { name, level: 'FAIL', message, fix };
  if (freeBytes < littleBytes) return { name, level: 'WARN', message, fix };
  // File systems without a fixed number of inodes (btrfs) count none.
  if (freeInodes !== undefined && freeInodes > 0 && freeInodes < fewInodes) {
    return { name, level: 'WARN', message: `${message}, but only ${freeInodes} inodes`, fix };
  }
  return { name, level: 'OK', message };
}

function swap({ swaps }: Facts): Verdict {
  const name = 'swap';
  if (swaps.length === 0) return { name, level: 'OK', message: 'is off' };
  return {
    name,
    level: 'WARN',
    message: `is on (${swaps.join(', ')}): containers may swap beyond their memory limits`,
    fix: 'swapoff -a, and remove swap from /etc/fstab',
  };
}

/** No host that runs this can be older; a clock that says so makes every certificate invalid. */
const earliest = Date.parse('2026-01-01T00:00:00Z');

function time({ now, isTimeSynchronised }: Facts): Verdict {
  const name = 'time';
  const clock = new Date(now).toISOString();
  const fix = 'apt-get install systemd-timesyncd, or chrony';
  if (now < earliest) return { name, level: 'FAIL', message: `the clock says ${clock}`, fix };
  if (isTimeSynchronised === false) return { name, level: 'WARN', message: `${clock}, not synchronised`, fix };
  return { name, level: 'OK', message: clock };
}
