import { join } from 'node:path';
import { type ApiClient, resources } from '../api/types.ts';
import { eventually, type Patience } from './cluster-calls.ts';
import type { InitDeps } from './init-cluster.ts';
import { markPatch } from './node-plan.ts';
import { applyObjects } from './objects/apply.ts';
import { adminObjects, bootstrapObjects, clusterInfoObjects } from './objects/bootstrap-render.ts';
import { configObjects, proxyObjects } from './objects/configuration-render.ts';
import { dnsObjects } from './objects/dns-render.ts';
import type { NewObject } from './objects/make-render.ts';
import { tokenSecret } from './objects/token-render.ts';
import { type InitSettings, localEndpoint, type Taint } from './settings.ts';

type Deps = Pick<InitDeps, 'clock' | 'say'>;

/** kubeadm's phase `wait-control-plane`. @throws JoinError */
export async function waitForServer(
  settings: InitSettings,
  api: ApiClient,
  { clock, say }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { startTimeoutMs: timeoutMs, paths } = settings;
  say(
    `[wait-control-plane] Waiting up to ${Math.round(timeoutMs / 1000)} s for the API server at ${localEndpoint(settings)}`,
  );
  const advice =
    `podwright must run with the manifests of ${paths.manifests}: podwright status, and ` +
    'podwright logs -n kube-system kube-apiserver, say more; then run podwright init again, it goes on from here';
  await eventually(
    'the API server is ready',
    { clock, timeoutMs, advice },
    (until) => api.raw('/readyz', until),
    signal,
  );
  say('[wait-control-plane] The API server is ready');
}

/** What the API server makes itself at first, such as namespaces and roles, may take this long. */
const callTimeoutMs = 60_000;
/** A node tells of itself as soon as it reaches the API server, after a pause when it tried before. */
const nodeTimeoutMs = 240_000;

/** The phases that need an API server. @throws JoinError */
export async function setUpCluster(
  settings: InitSettings,
  ca: string,
  api: ApiClient,
  { clock, say }: Deps,
  signal: AbortSignal,
): Promise<void> {
  const again = 'podwright init again goes on from here';
  const patience: Patience = { clock, timeoutMs: callTimeoutMs, advice: again };
  const apply = async (what: string, objects: readonly NewObject[], keepExisting = false): Promise<void> => {
    say(`[${what}] ${objects.map(({ kind, metadata: { name } }) => `${kind}/${name}`).join(', ')}`);
    await eventually(what, patience, (until) => applyObjects(api, objects, { keepExisting }, until), signal);
  };
  const { skippedPhases } = settings;
  await apply('upload-config', [...adminObjects(settings), ...configObjects(settings)]);
  if (!skippedPhases.has('bootstrap-token')) {
    const secrets = settings.tokens.map((token) => tokenSecret(token, clock.now()));
    await apply('bootstrap-token', [...secrets, ...bootstrapObjects(), ...clusterInfoObjects(settings, ca)]);
  }
  if (!skippedPhases.has('addon') && !skippedPhases.has('addon/kube-proxy')) {
    await apply('addon/kube-proxy', proxyObjects(settings));
  }
  if (!skippedPhases.has('addon') && !skippedPhases.has('addon/coredns')) {
    await apply('addon/coredns', dnsObjects(settings), true);
  }
  if (skippedPhases.has('mark-control-plane')) return;
  say(`[mark-control-plane] Waiting for the node ${settings.nodeName}, to label it`);
  const advice = `podwright must run with --kubeconfig=${join(settings.kubernetesDir, 'kubelet.conf')}; ${again}`;
  const node = { clock, timeoutMs: nodeTimeoutMs, advice };
  await eventually('the node is there', node, (until) => markNode(settings, api, until), signal);
}

async function markNode(settings: InitSettings, api: ApiClient, signal: AbortSignal): Promise<void> {
  const path = { name: settings.nodeName };
  const { spec } = await api.get(resources.nodes, path, signal);
  const { taints = [] } = (spec ?? {}) as { readonly taints?: readonly Taint[] };
  const body = markPatch(settings, taints);
  await api.patch(resources.nodes, path, { type: 'application/merge-patch+json', body }, signal);
}
