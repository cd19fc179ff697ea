// Sums up what test/run.sh has run: the failures by name, and as the last line `N passed, N failed[, N skipped]`.
// The directory given holds vitest's JSON reports, `failed-steps` and `failed-projects`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const directory = process.argv[2];

const lines = (name) => {
  const path = join(directory, name);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
};

const reports = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ project: name.replace('.json', ''), ...JSON.parse(readFileSync(join(directory, name), 'utf8')) }));
const suites = reports.flatMap(({ project, testResults }) => testResults.map((suite) => ({ project, ...suite })));
const tests = suites.flatMap(({ name, assertionResults }) =>
  assertionResults.map((test) => ({ file: relative(process.cwd(), name), ...test })),
);

const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
const failedTests = tests.filter(({ status }) => status === 'failed').map((test) => `${test.file}: ${test.fullName}`);
// A file that could not be loaded, or whose hooks failed, has no failed test of its own.
const failedFiles = suites
  .filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.some((t) => t.status === 'failed'))
  .map(({ name, message }) => `${relative(process.cwd(), name)}: ${message.split('\n')[0]}`);
// A runner that failed and named no test: it crashed, or saw an unhandled error.
const explained = new Set(suites.filter(({ status }) => status === 'failed').map(({ project }) => project));
const failedRunners = lines('failed-projects').filter((project) => !explained.has(project));

const failures = [
  ...lines('failed-steps').map((step) => `step ${step}`),
  ...failedTests,
  ...failedFiles,
  ...failedRunners.map((project) => `project ${project}: the test runner failed outside of the tests`),
];
const passed = count('passed');
const skipped = count('pending', 'skipped', 'todo', 'disabled');

if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `  - ${failure}`).join('\n')}\n`);
if (passed === 0 && failures.length === 0) console.log('\nNo test has run.\n');
console.log(`${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failures.length > 0 || passed === 0 ? 1 : 0;
