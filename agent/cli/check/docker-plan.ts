import type { DockerInfo, Facts, Verdict } from './facts.ts';

/** Docker must answer, and its drivers must be ones that pods work with. */
export function planDocker(facts: Facts): Verdict[] {
  const { docker } = facts;
  if ('error' in docker) return [unreachable(facts, docker.error, docker.code)];
  const { value } = docker;
  return [
    version(value),
    storage(value),
    cgroupDriver(value, facts),
    logging(value),
    ...value.warnings.map((message): Verdict => ({ name: 'docker', level: 'WARN', message })),
  ];
}

function unreachable({ dockerHost }: Facts, error: string, code: string | undefined): Verdict {
  const place = { name: 'docker', level: 'FAIL' } as const;
  switch (code) {
    case 'ENOENT':
      return {
        ...place,
        message: `there is no ${dockerHost}`,
        fix: 'apt-get install docker.io, or name it with --docker-host',
      };
    case 'ECONNREFUSED':
      return {
        ...place,
        message: `nobody answers on ${dockerHost}`,
        fix: 'systemctl start docker; journalctl -u docker says why not',
      };
    case 'EACCES':
      return { ...place, message: `${dockerHost} may not be opened`, fix: 'run it with sudo' };
    case undefined:
    default:
      return { ...place, message: `${dockerHost}: ${error}`, fix: 'journalctl -u docker' };
  }
}

/** API 1.41 is Docker 20.10, the oldest in a Debian or Ubuntu that has Node.js 20. */
const oldestApi = [1, 41] as const;

function version({ version: docker, apiVersion }: DockerInfo): Verdict {
  const message = `${docker}, API ${apiVersion}`;
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  const isOld = major < oldestApi[0] || (major === oldestApi[0] && minor < oldestApi[1]);
  if (!isOld) return { name: 'docker', level: 'OK', message };
  return { name: 'docker', level: 'FAIL', message: `${message}: older than 20.10`, fix: 'apt-get install docker.io' };
}

function storage({ storageDriver }: DockerInfo): Verdict {
  const name = 'storage driver';
  if (storageDriver !== 'vfs') return { name, level: 'OK', message: storageDriver };
  return {
    name,
    level: 'WARN',
    message: 'vfs copies the whole image for every container',
    fix: 'set "storage-driver": "overlay2" in /etc/docker/daemon.json',
  };
}

function cgroupDriver({ cgroupDriver: driver }: DockerInfo, { cgroup }: Facts): Verdict {
  const name = 'cgroup driver';
  if (driver === 'none') {
    return { name, level: 'FAIL', message: 'Docker runs rootless, without cgroups', fix: 'use the Docker of root' };
  }
  if (cgroup?.version === 2 && driver === 'cgroupfs') {
    return {
      name,
      level: 'WARN',
      message: 'cgroupfs on cgroup v2: beside systemd, both manage one tree',
      fix: 'set "exec-opts": ["native.cgroupdriver=systemd"] in /etc/docker/daemon.json where systemd is PID 1',
    };
  }
  return { name, level: 'OK', message: driver };
}

function logging({ loggingDriver }: DockerInfo): Verdict {
  const name = 'log driver';
  if (loggingDriver === 'json-file') return { name, level: 'OK', message: loggingDriver };
  return {
    name,
    level: 'OK',
    message: `${loggingDriver} is Docker's default; containers of pods get json-file, which /var/log/pods links to`,
  };
}
