import { describe, expect, it } from 'vitest';
import { renderPod } from '../../../agent/cli/status/describe-render.ts';
import { findPod, problemsOfPod } from '../../../agent/cli/status/find-pod.ts';
import { renderStatus } from '../../../agent/cli/status/render.ts';
import type { StatusDocument } from '../../../agent/cli/local-client.ts';
import type { SourceProblem } from '../../../agent/sources/types.ts';
import { nodeInfo, pod, report } from '../server/fixtures.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

const crashing = pod('web', {
  phase: 'Running',
  podIP: '10.244.0.5',
  podIPs: [{ ip: '10.244.0.5' }],
  hostIP: '192.0.2.7',
  startTime: '2026-03-01T11:50:00Z',
  qosClass: 'BestEffort',
  conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: 'not ready: [web]' }],
  containerStatuses: [
    {
      name: 'web',
      image: 'nginx:1',
      imageID: 'sha256:1',
      ready: false,
      restartCount: 2,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 20s' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error', finishedAt: '2026-03-01T11:59:30Z' } },
    },
  ],
});
const lastError = { time: '2026-03-01T11:59:00Z', message: 'exited with 1' };
const failing = report(crashing, { lastError });
const broken: SourceProblem = {
  origin: '/etc/kubernetes/manifests/db.yaml',
  line: 7,
  path: 'spec.containers[0].image',
  severity: 'error',
  message: 'is required',
  pod: 'default/db-node-1',
};
const document: StatusDocument = { node: nodeInfo, pods: [failing], problems: [broken] };

describe('podwright status', () => {
  it('shows node, pods, errors and what keeps manifests from running', () => {
    expect(renderStatus(document, now)).toBe(`Node:        node-1  Ready
Podwright:   0.1.0, up 60m
Runtime:     docker 27.0.1
Network:     podwright 10.244.0.0/24  ready
Manifests:   /etc/kubernetes/manifests

NAMESPACE   NAME         READY   STATUS             RESTARTS      AGE   IP           MANIFEST
default     web-node-1   0/1     CrashLoopBackOff   2 (30s ago)   10m   10.244.0.5   web.yaml

Errors:
  default/web-node-1 (60s ago): exited with 1

Manifest problems:
  /etc/kubernetes/manifests/db.yaml:7: error: spec.containers[0].image: is required
`);
  });

  it.each([
    [{ reachable: true }, 'https://192.0.2.1:6443  answers'],
    [{ reachable: false, error: 'ECONNREFUSED' }, 'https://192.0.2.1:6443  away for 120m: ECONNREFUSED'],
  ])('shows the API server of a cluster: %j', (state, text) => {
    const apiServer = { url: 'https://192.0.2.1:6443', since: '2026-03-01T10:00:00Z', ...state };
    const page = renderStatus({ node: { ...nodeInfo, apiServer }, pods: [], problems: [] }, now);
    expect(page.split('\n')).toContain(`API server:   ${text}`);
  });

  it('says why a node is not ready, and that there are no pods', () => {
    const node = {
      ...nodeInfo,
      ready: false,
      reason: 'container runtime is down',
      runtime: { ...nodeInfo.runtime, reachable: false, error: 'ECONNREFUSED' },
      network: { ...nodeInfo.network, ready: false, reason: 'no iptables' },
    };
    expect(renderStatus({ node, pods: [], problems: [] }, now))
      .toBe(`Node:        node-1  NotReady: container runtime is down
Podwright:   0.1.0, up 60m
Runtime:     docker is away: ECONNREFUSED
Network:     podwright 10.244.0.0/24  not ready: no iptables
Manifests:   /etc/kubernetes/manifests

No pods.
`);
  });

  it('has more columns when asked for them', () => {
    const table = renderStatus(document, now, true).split('\n').slice(6, 8);
    expect(table.map((line) => line.split(/ {3,}/).slice(7))).toEqual([
      ['MANIFEST', 'UID', 'QOS', 'IMAGES'],
      ['web.yaml', 'uid-web', 'BestEffort', 'nginx:1'],
    ]);
  });
});

describe('podwright status POD', () => {
  it('tells what kubectl describe would', () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default', uid: 'e1' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'web-node-1', uid: 'uid-web' },
      type: 'Warning',
      reason: 'BackOff',
      message: 'wait',
      source: { component: 'kubelet', host: 'node-1' },
      firstTimestamp: '2026-03-01T11:50:00Z',
      lastTimestamp: '2026-03-01T11:59:50Z',
      count: 4,
    } as const;
    expect(renderPod(failing, [broken], [event], now)).toBe(`Name:             web-node-1
Namespace:        default
UID:              uid-web
Node:             node-1/192.0.2.7
Start Time:       2026-03-01T11:50:00Z
Manifest:         /etc/kubernetes/manifests/web.yaml
Labels:           <none>
Annotations:      <none>
Status:           Running (CrashLoopBackOff, 2 (30s ago) restarts)
IP:               10.244.0.5
QoS Class:        BestEffort
Restart Policy:   Always
Containers:
  web:
    Container ID:
    Image:           nginx:1
    Image ID:        sha256:1
    Ports:           <none>
    Host Ports:      <none>
    State:           Waiting: CrashLoopBackOff: back-off 20s
    Last State:      Terminated: Error (exit code 1) at 2026-03-01T11:59:30Z
    Ready:           False
    Restart Count:   2
    Mounts:          <none>
Conditions:
  Type    Status   Reason
  Ready   False    ContainersNotReady: not ready: [web]
Last Error:  exited with 1 (60s ago)
Manifest Problems:
  /etc/kubernetes/manifests/db.yaml:7: error: spec.containers[0].image: is required
Events:
  Type      Reason    Age                 Message
  Warning   BackOff   10s (x4 over 10m)   wait
`);
  });

  it('takes only the problems of its own manifest', () => {
    const ours = { ...broken, pod: 'default/web-node-1' };
    const unnamed: SourceProblem = { origin: failing.origin, severity: 'error', message: 'no YAML' };
    expect(problemsOfPod([broken, ours, unnamed], failing)).toEqual([ours, unnamed]);
  });
});

it('says how far an image pull is that the pod waits for', () => {
  const pulls = [{ image: 'app:1', startedAt: 0, doneBytes: 12e6, totalBytes: 40e6 }];
  expect(renderPod({ ...failing, pulls }, [], [], now)).toContain('\nImage Pull:  pulling app:1: 12 MB of 40 MB\n');
});

describe('findPod', () => {
  const other = report({ ...crashing, metadata: { ...crashing.metadata, namespace: 'other' } });

  it.each(['web', 'web-node-1'])('finds %s', (name) => expect(findPod(document, name, undefined)).toBe(failing));

  it('tells namespaces apart', () => {
    const both = { ...document, pods: [failing, other] };
    expect(findPod(both, 'web', 'other')).toBe(other);
    expect(() => findPod(both, 'web', undefined)).toThrow(
      'more than one pod is called web: say which with -n; pods here: default/web-node-1, other/web-node-1',
    );
  });

  it('says why a manifest is no pod', () => {
    expect(() => findPod(document, 'db', undefined)).toThrow(
      'there is no pod db; pods here: default/web-node-1\nManifests that are not running:\n' +
        '  /etc/kubernetes/manifests/db.yaml:7: error: spec.containers[0].image: is required',
    );
    expect(() => findPod({ ...document, pods: [], problems: [] }, 'db', undefined)).toThrow(
      'there is no pod db; there are no pods',
    );
  });
});
