import { expect, test } from 'vitest';
import { ExecaError } from 'execa';
import { createUdpFlowCleaner } from '../../../../cni/portmap/conntrack.ts';
import type { HostPort } from '../../../../cni/portmap/plan.ts';
import { ExecFailure, type ExecRequest } from '../../../../cni/util/exec.ts';

const { signal } = new AbortController();
const port = (hostPort: number, more: Partial<HostPort> = {}): HostPort => ({
  family: 4,
  protocol: 'udp',
  hostPort,
  hostIp: undefined,
  podIp: '203.0.113.2',
  podNet: '203.0.113.0/24',
  containerPort: 53,
  ...more,
});

function cleanerOf(failure?: { readonly code?: string; readonly stderr?: string }) {
  const ran: string[] = [];
  const warnings: string[] = [];
  const forget = createUdpFlowCleaner(
    (request: ExecRequest) => {
      ran.push([request.file, ...request.args].join(' '));
      if (failure === undefined) return Promise.resolve({ stdout: '', stderr: '' });
      const error = Object.assign(Object.create(ExecaError.prototype) as ExecaError, {
        shortMessage: 'failed',
        ...failure,
      });
      return Promise.reject(new ExecFailure(request, error));
    },
    (message, fields) => warnings.push(`${message} (${(fields as { port: string }).port})`),
  );
  return { forget, ran, warnings };
}

test('one process a UDP port and family, on how many addresses it may be', async () => {
  const { forget, ran, warnings } = cleanerOf();
  const ports = [
    port(53, { hostIp: '198.51.100.1' }),
    port(53, { hostIp: '198.51.100.2' }),
    port(53, { family: 6 }),
    port(80, { protocol: 'tcp' }),
  ];
  await forget(ports, signal);
  expect(ran).toEqual([
    'conntrack -D -f ipv4 -p udp --orig-port-dst 53',
    'conntrack -D -f ipv6 -p udp --orig-port-dst 53',
  ]);
  expect(warnings).toEqual([]);
});

const lost = 'clients of UDP host ports that go on sending may be lost';

test.each([
  ['no flow', { stderr: 'conntrack v1.4.7: 0 flow entries have been deleted.' }, []],
  ['no program', { code: 'ENOENT' }, [`${lost}: apt-get install conntrack (ipv4 53)`]],
  [
    'a failure',
    { stderr: 'no' },
    [`cannot drop UDP flows: ${lost} (ipv4 53)`, `cannot drop UDP flows: ${lost} (ipv4 54)`],
  ],
])('%s', async (_, failure, expected) => {
  const { forget, ran, warnings } = cleanerOf(failure);
  await forget([port(53), port(54)], signal);
  expect(ran).toHaveLength(2);
  expect(warnings).toEqual(expected);
});
