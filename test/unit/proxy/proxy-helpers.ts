import { type Exec, ExecFailure } from '../../../cni/index.ts';
import type { ProxyLog } from '../../../proxy/log.ts';
import type { ProxyBackend, ProxyPlan, SyncReport } from '../../../proxy/types.ts';

/** A log that keeps its lines as `level message`. */
export interface Lines extends ProxyLog {
  readonly lines: string[];
}

export function createLines(): Lines {
  const lines: string[] = [];
  const keep = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`);
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error') };
}

/** A backend that keeps what it is asked to do, and can be made to fail or to wait. */
export interface RecordingBackend extends ProxyBackend {
  /** `full A,B` or `partial A`, by the names of the Services, `intact?`, and `cleanup`. */
  readonly calls: string[];
  isThere: boolean;
  failure: Error | undefined;
  /** Awaited by each sync. */
  gate: Promise<unknown>;
}

export function createRecordingBackend(): RecordingBackend {
  const calls: string[] = [];
  const describe = (plan: ProxyPlan): string => plan.services.map(({ name }) => name.name).join(',');
  const backend: RecordingBackend = {
    calls,
    isThere: true,
    failure: undefined,
    gate: Promise.resolve(),
    sync: async (plan, full): Promise<SyncReport> => {
      calls.push(`${full ? 'full' : 'partial'} ${describe(plan)}`);
      await backend.gate;
      if (backend.failure !== undefined) throw backend.failure;
      return { full, written: plan.services.length };
    },
    isIntact: () => {
      calls.push('intact?');
      return Promise.resolve(backend.isThere);
    },
    cleanup: () => {
      calls.push('cleanup');
      return Promise.resolve();
    },
  };
  return backend;
}

/** A program that is not installed. */
export const ABSENT = Symbol('absent');

/** How a program ends: what it prints, that it is not there, or exit code and what it says. */
export type Ending = string | typeof ABSENT | { readonly code: number; readonly stderr: string };

export interface RecordingExec {
  readonly exec: Exec;
  /** Command lines, with the input after `<`. */
  readonly ran: string[];
}

/** Programs that do nothing; `ending` says how each ends. */
export function createRecordingExec(ending: (command: string) => Ending = () => ''): RecordingExec {
  const ran: string[] = [];
  return {
    ran,
    exec: (request) => {
      const command = [request.file, ...request.args].join(' ');
      ran.push(request.input === undefined ? command : `${command} < ${request.input}`);
      const end = ending(command);
      if (typeof end === 'string') return Promise.resolve({ stdout: end, stderr: '' });
      const error = end === ABSENT ? { code: 'ENOENT' } : { exitCode: end.code, stderr: end.stderr };
      return Promise.reject(new ExecFailure(request, error as unknown as ConstructorParameters<typeof ExecFailure>[1]));
    },
  };
}
