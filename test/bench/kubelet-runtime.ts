import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minOomScoreAdj } from '../../agent/node/facts.ts';

/**
 * The kubelet gives the sandbox a negative `oom_score_adj`, with which runc fails on a machine without CAP_SYS_RESOURCE. There
 * containers are run by a script around runc that leaves the value out; on both nodes, so that both pay for it.
 *
 * @returns further arguments of dockerd
 */
export async function runtimeArgs(directory: string): Promise<readonly string[]> {
  if ((await minOomScoreAdj()) <= -999) return [];
  const file = join(directory, 'runc-without-oom-score');
  writeFileSync(file, wrapper, { mode: 0o755 });
  return ['--add-runtime', `wrapped=${file}`, '--default-runtime', 'wrapped'];
}

const wrapper = `#!/bin/sh
previous=
for argument; do
  case $previous in --bundle) sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$argument/config.json" ;; esac
  previous=$argument
done
exec runc "$@"
`;
