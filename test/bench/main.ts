import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parts } from './parts.ts';
import { renderResults, renderTable, type MachineFacts, type Row } from './report.ts';
import { createStage, type Stage } from './stage.ts';

/*
 * npm run bench              measures everything and writes RESULTS.md
 * npm run bench -- drop idle measures some parts and only prints
 */

const resultsFile = fileURLToPath(new URL('./RESULTS.md', import.meta.url));

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0)
  throw new Error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);

const stage = await createStage();
try {
  const rows = await measure(stage);
  console.log(`\n${renderTable(rows)}`);
  if (wanted.length === 0) await writeResults(rows, await machineFacts(stage));
} finally {
  stage.close();
}

async function measure(on: Stage): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    rows.push(...(await part(on, (text) => console.log(text))));
  }
  return rows;
}

async function writeResults(rows: readonly Row[], facts: MachineFacts): Promise<void> {
  const options = (await resolveConfig(resultsFile)) ?? {};
  writeFileSync(resultsFile, await format(renderResults(rows, facts), { ...options, filepath: resultsFile }));
}

async function machineFacts({ host }: Stage): Promise<MachineFacts> {
  const info = (await host.docker.info()) as { readonly ServerVersion: string; readonly Driver: string };
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: release(),
    docker: info.ServerVersion,
    storageDriver: info.Driver,
    node: process.versions.node,
  };
}
