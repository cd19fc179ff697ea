import { sendText } from './exchange.ts';
import { get, type Route } from './router.ts';
import type { KubeletServerDeps } from './types.ts';

interface Check {
  readonly name: string;
  /** What is wrong, undefined when nothing is. */
  readonly problem: () => string | undefined;
}

/** `/healthz` of all checks, and each on its own, in the form of `k8s.io/apiserver/pkg/server/healthz`. */
export function healthzRoutes({ syncLoopProblem }: Pick<KubeletServerDeps, 'syncLoopProblem'>): readonly Route[] {
  const checks: readonly Check[] = [
    { name: 'ping', problem: () => undefined },
    { name: 'log', problem: () => undefined },
    { name: 'syncloop', problem: syncLoopProblem },
  ];
  const all = get('/healthz', ({ response, query }) => {
    const left = checks.filter(({ name }) => !query.getAll('exclude').includes(name));
    const results = left.map(({ name, problem }) => ({ name, isWell: problem() === undefined }));
    const lines = results.map(({ name, isWell }) =>
      isWell ? `[+]${name} ok\n` : `[-]${name} failed: reason withheld\n`,
    );
    if (results.some(({ isWell }) => !isWell)) sendText(response, 500, `${lines.join('')}healthz check failed\n`);
    else sendText(response, 200, query.has('verbose') ? `${lines.join('')}healthz check passed\n` : 'ok');
  });
  const each = checks.map(({ name, problem }) =>
    get(`/healthz/${name}`, ({ response }) => {
      const found = problem();
      if (found === undefined) sendText(response, 200, 'ok');
      else sendText(response, 500, `internal server error: ${found}\n`);
    }),
  );
  return [all, ...each];
}
