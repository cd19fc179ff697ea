import { execa } from 'execa';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const report = z.object({ vulnerabilities: z.record(z.string(), z.object({ severity: z.string() })) });
const failure = z.object({ message: z.string() });

/** Severities by package; an Error when the registry does not serve audits, or does not answer. */
type Audit = ReadonlyMap<string, string> | Error;

/** All packages of the lock file: those that are only bundled count as much as any. */
async function audit(...options: readonly string[]): Promise<Audit> {
  const args = ['audit', '--json', '--audit-level=high', '--package-lock-only', '--fetch-retries=0', ...options];
  const { stdout, stderr } = await execa('npm', args, { cwd: root, reject: false, stdin: 'ignore', timeout: 60_000 });
  const answer: unknown = JSON.parse(stdout || '{}');
  const { data } = report.safeParse(answer);
  if (data === undefined) return new Error(failure.safeParse(answer).data?.message ?? stderr);
  return new Map(Object.entries(data.vulnerabilities).map(([name, { severity }]) => [name, severity]));
}

const serious = (found: ReadonlyMap<string, string>): string[] =>
  [...found].flatMap(([name, severity]) => (severity === 'high' || severity === 'critical' ? [name] : []));

it('no package that podwright is made of is known to be seriously vulnerable', async ({ skip }) => {
  const found = await audit();
  if (found instanceof Error) {
    console.warn(`npm audit is skipped: the registry gives no audit: ${found.message}`);
    return skip(found.message);
  }
  expect(serious(found)).toEqual([]);
});

describe('of a registry that knows of something', () => {
  /** As far as npm asks. */
  let registry: Server;
  const advisory = { id: 1, title: 'a hole', url: 'https://example.com/1', vulnerable_versions: '*', cwe: [] };
  const answers: Readonly<Record<string, object>> = {
    '/-/npm/v1/security/advisories/bulk': {
      ws: [{ ...advisory, severity: 'high' }],
      pino: [{ ...advisory, id: 2, severity: 'moderate' }],
    },
    '/ws': { name: 'ws', versions: { '8.0.0': { name: 'ws', version: '8.0.0' } } },
    '/pino': { name: 'pino', versions: { '10.0.0': { name: 'pino', version: '10.0.0' } } },
  };
  const url = (): string => `--registry=http://127.0.0.1:${(registry.address() as AddressInfo).port}`;

  beforeAll(async () => {
    registry = createServer((request, response) => {
      const answer = answers[request.url ?? ''];
      request.resume();
      response.writeHead(answer === undefined ? 405 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => void registry.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => registry.close());

  it('the audit finds it', async () => {
    const found = await audit(url());
    if (found instanceof Error) throw found;
    expect(found.get('pino')).toBe('moderate');
    expect(serious(found)).toEqual(['ws']);
  });

  it('the audit is none when the registry refuses it', async () => {
    const found = await audit(`${url()}/nothing`);
    expect(found).toEqual(expect.objectContaining({ message: expect.stringContaining('405') as string }));
  });
});
