import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { clusterPrograms, kubernetesPrograms } from '../lab/cluster-programs.ts';
import { namespacePath } from '../lab/names.ts';
import { createWorld, type World } from './world.ts';

/*
 * npm run conformance                            Kubernetes' own conformance tests of 1.20, those that may run side by side
 * npm run conformance -- --serial                those that must run alone
 * npm run conformance -- --focus 'Probing.*'     others: a regular expression of their names
 */

const { values } = parseArgs({
  options: {
    focus: { type: 'string', default: '\\[Conformance\\]' },
    skip: { type: 'string' },
    serial: { type: 'boolean', default: false },
    parallel: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '2' },
    report: { type: 'string', default: join(tmpdir(), 'podwright-conformance') },
  },
});

/** What runs beside others disturbs those that count all pods, or take nodes away. */
const [focus, skip] = values.serial
  ? [`${values.focus}.*(\\[Serial\\]|\\[Disruptive\\])|(\\[Serial\\]|\\[Disruptive\\]).*${values.focus}`, values.skip]
  : [values.focus, ['\\[Serial\\]|\\[Disruptive\\]', ...(values.skip === undefined ? [] : [values.skip])].join('|')];

/** Of the lines that the tests print of themselves. */
const verdict = /^•?\{"msg":"(PASSED|FAILED) (.*?)","total"/;

async function runTests({ cluster }: World): Promise<readonly string[]> {
  const [program = '', ginkgo = ''] = await kubernetesPrograms(['e2e.test', 'ginkgo']);
  const { kubectl } = await clusterPrograms();
  const flags = {
    ...{ kubeconfig: cluster.adminKubeconfig, host: cluster.url, provider: 'skeleton', 'kubectl-path': kubectl },
    ...{ 'num-nodes': values.nodes, 'cluster-ip-range': cluster.serviceCidr },
    ...{ 'report-dir': values.report, 'disable-log-dump': 'true' },
  };
  const args = [
    ...[
      `-nodes=${values.serial ? 1 : values.parallel}`,
      `-focus=${focus}`,
      `-skip=${skip ?? ''}`,
      '-noColor',
      program,
      '--',
    ],
    ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  ];
  const child = spawn('nsenter', [`--net=${namespacePath(cluster.netns)}`, ginkgo, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: cluster.dir }, // no proxy: the lab has no way to one
  });
  const log = createWriteStream(join(values.report, 'e2e.log'));
  child.stdout.pipe(log);
  const failed: string[] = [];
  let passed = 0;
  for await (const line of createInterface(child.stdout)) {
    const [, word, name = ''] = verdict.exec(line) ?? [];
    if (word === undefined) continue;
    console.log(`${word} ${name}`);
    if (word === 'FAILED') failed.push(name);
    else passed += 1;
  }
  if (child.exitCode === null) await once(child, 'exit');
  console.log(`${passed} passed, ${failed.length} failed; all that was said: ${join(values.report, 'e2e.log')}`);
  return child.exitCode === 0 || failed.length > 0 ? failed : [`ginkgo ended with ${child.exitCode}`];
}

mkdirSync(values.report, { recursive: true });
const world = await createWorld(Number(values.nodes));
try {
  const failed = await runTests(world);
  for (const name of failed) console.log(`failed: ${name}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  await world.end();
}
