import type { Service } from '../../objects/types.ts';
import type { EndpointReport, ProxyReport, RulesReport, ServiceReport, ServicesReport } from '../../services/report.ts';
import { renderProblem } from '../status/render.ts';
import { renderTable } from '../status/table.ts';

/**
 * The page that `podwright services` prints: how Services work here, a row a Service, a row an endpoint, and what is wrong.
 *
 * @param wide also what the kernel holds for each
 */
export function renderServices({ proxy, services, problems }: ServicesReport, wide = false): string {
  const sections = [
    wide || proxy.mode === undefined ? renderProxy(proxy, services) : [],
    renderRows(services, wide),
    renderEndpoints(services),
    wide ? renderRules(services) : [],
    problems.length === 0 ? [] : ['Problems:', ...problems.map((problem) => `  ${renderProblem(problem)}`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function renderProxy(
  { mode, reason = '', settled, unread, missing = [] }: ProxyReport,
  services: readonly ServiceReport[],
): string[] {
  if (mode === undefined)
    return reason === '' && services.length === 0
      ? []
      : [`Services do not work here: ${reason || 'the proxy has not begun'}`];
  return [
    `Mode: ${mode} (${reason})${settled ? '' : ', the kernel is not there yet'}`,
    ...(unread === undefined ? [] : [`What the kernel holds cannot be read: ${unread}`]),
    ...renderMissing('of all Services', missing),
  ];
}

function renderRows(services: readonly ServiceReport[], wide: boolean): string[] {
  if (services.length === 0) return ['No Services.'];
  const header = [
    'NAMESPACE',
    'NAME',
    'TYPE',
    'CLUSTER-IP',
    'EXTERNAL-IP',
    'PORTS',
    'ENDPOINTS',
    ...(wide ? ['POLICIES'] : []),
  ];
  const rows = services.map(({ service, endpoints }) => {
    const { metadata, spec = {} } = service;
    return [
      metadata.namespace,
      metadata.name,
      spec.type ?? 'ClusterIP',
      clusterIps(service),
      externalAddresses(service),
      ports(service),
      counts(service, endpoints),
      ...(wide ? [policies(service)] : []),
    ];
  });
  return renderTable([header, ...rows]);
}

const listed = (texts: readonly string[]): string => (texts.length === 0 ? '<none>' : texts.join(','));

function clusterIps({ spec = {} }: Service): string {
  if (spec.type === 'ExternalName') return '<none>';
  return listed(spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []));
}

function externalAddresses({ spec = {}, status }: Service): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  const balancers = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
  return listed([...balancers, ...(spec.externalIPs ?? [])]);
}

/** `80:30080/TCP`, as kubectl prints them. */
function ports({ spec = {} }: Service): string {
  return listed(
    (spec.ports ?? []).map(
      ({ port, nodePort, protocol = 'TCP' }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`,
    ),
  );
}

function counts({ spec = {} }: Service, endpoints: readonly EndpointReport[]): string {
  if (spec.type === 'ExternalName') return '<none>';
  return `${endpoints.filter(({ ready }) => ready).length}/${endpoints.length} ready`;
}

/** Those that are not what a Service has that says nothing. */
function policies({ spec = {} }: Service): string {
  const said = [
    spec.internalTrafficPolicy === 'Local' ? 'internal Local' : '',
    spec.externalTrafficPolicy === 'Local' ? 'external Local' : '',
    spec.sessionAffinity === 'ClientIP' ? 'affinity ClientIP' : '',
  ].filter((text) => text !== '');
  return listed(said);
}

function renderEndpoints(services: readonly ServiceReport[]): string[] {
  const rows = services.flatMap(({ service: { metadata }, endpoints }) =>
    endpoints.map((endpoint) => [
      `${metadata.namespace}/${metadata.name}`,
      endpoint.address,
      listed([...new Set(endpoint.ports.map(({ port, protocol }) => `${port}/${protocol}`))]),
      condition(endpoint),
      endpoint.pod ?? '<none>',
    ]),
  );
  return rows.length === 0 ? [] : renderTable([['SERVICE', 'ENDPOINT', 'PORTS', 'CONDITION', 'POD'], ...rows]);
}

function condition({ ready, serving, terminating }: EndpointReport): string {
  if (terminating) return serving ? 'terminating, still serving' : 'terminating';
  return ready ? 'ready' : 'not ready';
}

function renderRules(services: readonly ServiceReport[]): string[] {
  const rows = services
    .flatMap(({ rules }) => rules)
    .map((rules) => [rules.port, `IPv${rules.family}`, used(rules), inKernel(rules)]);
  const missing = services
    .flatMap(({ rules }) => rules)
    .flatMap(({ port, family, kernel }) => renderMissing(`of ${port} (IPv${family})`, kernel?.missing ?? []));
  if (rows.length === 0) return [];
  return [...renderTable([['PORT', 'FAMILY', 'SENDS TO', 'IN THE KERNEL'], ...rows]), ...missing];
}

function inKernel({ kernel }: RulesReport): string {
  if (kernel === undefined) return '<not read>';
  const held = kernel.held.join(' ') || '<nothing of its own>';
  return kernel.missing.length === 0 ? held : `${held}, ${kernel.missing.length} missing`;
}

function renderMissing(what: string, missing: readonly string[]): readonly string[] {
  return missing.length === 0 ? [] : [`Missing in the kernel ${what}:`, ...missing.map((text) => `  ${text}`)];
}

function used({ clusterEndpoints, localEndpoints }: RulesReport): string {
  if (clusterEndpoints + localEndpoints === 0) return 'none';
  const parts = [
    clusterEndpoints === 0 ? '' : `${clusterEndpoints}`,
    localEndpoints === 0 ? '' : `${localEndpoints} here`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
