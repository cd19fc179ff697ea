import { messageOf } from '../../../cni/index.ts';
import { timestamp } from '../../pods/container-status.ts';
import type { Clock } from '../../clock.ts';
import type { ApiServerInfo } from '../../server/local/state.ts';

/** Whether the API server answers; its loss and its return are logged once each. */
export interface ServerState {
  /** Learns where the server is. */
  located(url: string): void;
  /** @param error why it does not answer; undefined when it does */
  contact(error: unknown): void;
  status(): ApiServerInfo;
}

export function createServerState(
  clock: Pick<Clock, 'now'>,
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void },
): ServerState {
  let url = '';
  let isTold = false;
  let reachable = false;
  let since = clock.now();
  let reason = 'not reached yet';
  return {
    located: (where) => {
      url = where;
    },
    contact: (error) => {
      const isNews = reachable !== (error === undefined);
      if (error === undefined && isNews) log.info({ server: url }, 'the API server answers');
      if (error !== undefined && (isNews || !isTold))
        log.warn(
          { server: url, err: error },
          'the API server is away, trying again until it answers; pods go on running',
        );
      isTold = true;
      if (isNews) since = clock.now();
      reachable = error === undefined;
      reason = messageOf(error);
    },
    status: () => ({ url, reachable, since: timestamp(since), ...(reachable ? {} : { error: reason }) }),
  };
}
