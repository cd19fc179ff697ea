import type { Packet } from '../../../proxy/index.ts';
import type { TraceReport } from '../../services/trace-report.ts';
import { renderTable } from '../status/table.ts';

/** A trace in words: what is sent, which rules it meets, and what becomes of it. */
export function renderTrace(report: TraceReport): string {
  const sections = [renderPacket(report), renderSteps(report), renderVerdict(report)];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function renderPacket({ mode, from, to, packet }: TraceReport): string[] {
  return renderTable([
    ['From:', `${packet.src}  ${from}`],
    ['To:', `${socket(packet.dst, packet.port)} ${packet.protocol}  ${to ?? 'nothing of a Service'}`],
    ['By:', `rules of the mode ${mode}; other rules of this host are not looked at`],
  ]);
}

function renderSteps({ steps, mode }: TraceReport): string[] {
  if (mode === 'ipvs')
    return ['Steps:', '  IPVS has no rules to walk through: this is what its virtual servers are there to do.'];
  return steps.length === 0 ? [] : ['Steps:', ...steps.map((step) => `  ${step}`)];
}

function renderVerdict({ verdict, reason, endpoints, packet }: TraceReport): string[] {
  const because = reason === undefined ? '' : `: ${reason}`;
  switch (verdict) {
    case 'accept':
      return ['Verdict: not touched. The packet goes on to where it was sent.'];
    case 'reject':
      return [`Verdict: refused at once${because}.`];
    case 'drop':
      return [`Verdict: dropped, the client hears nothing${because}.`];
    case 'dnat':
      return [
        `Verdict: sent to ${endpoints.length === 1 ? 'this endpoint' : `one of these ${endpoints.length} endpoints`}.`,
        ...renderEndpoints(endpoints, packet).map((line) => `  ${line}`),
      ];
  }
}

function renderEndpoints(endpoints: TraceReport['endpoints'], { src }: Packet): string[] {
  const rows = endpoints.map(({ ip, port, probability, masquerade, pod = '<none>' }) => [
    socket(ip, port),
    pod,
    `${(probability * 100).toFixed(0)} %`,
    masquerade ? 'the node (masqueraded)' : src,
  ]);
  return renderTable([['ENDPOINT', 'POD', 'SHARE', 'SEES THE CLIENT AS'], ...rows]);
}

const socket = (ip: string, port: number): string => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
