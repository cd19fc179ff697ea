import { parseDuration } from '../../config/duration.ts';
import { UsageError } from '../failure.ts';

export interface LogFlags {
  readonly follow?: true;
  readonly previous?: true;
  readonly timestamps?: true;
  readonly tail?: string;
  readonly since?: string;
  readonly sinceTime?: string;
}

/** Parameters of the Kubernetes API for the flags. @throws UsageError */
export function logQuery({ follow, previous, timestamps, tail, since, sinceTime }: LogFlags): URLSearchParams {
  if (since !== undefined && sinceTime !== undefined) {
    throw new UsageError('at most one of `sinceTime` or `sinceSeconds` may be specified');
  }
  const query = new URLSearchParams();
  for (const [name, isSet] of Object.entries({ follow, previous, timestamps })) if (isSet) query.set(name, 'true');
  const lines = tail === undefined ? undefined : tailLines(tail);
  if (lines !== undefined) query.set('tailLines', String(lines));
  if (since !== undefined) query.set('sinceSeconds', String(sinceSeconds(since)));
  if (sinceTime !== undefined) query.set('sinceTime', checkedTime(sinceTime));
  return query;
}

function tailLines(text: string): number | undefined {
  if (!/^(-1|\d{1,15})$/.test(text)) throw new UsageError('--tail must be greater than or equal to -1');
  return text === '-1' ? undefined : Number(text);
}

/** Whole seconds: what is left over counts as one, as kubectl rounds. */
function sinceSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0)
    throw new UsageError(`--since: "${text}" is no duration above 0, such as 5s, 2m or 3h`);
  return Math.ceil(ms / 1000);
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function checkedTime(text: string): string {
  if (rfc3339.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new UsageError(`--since-time: "${text}" is no time in RFC 3339, such as 2026-03-01T12:00:00Z`);
}
