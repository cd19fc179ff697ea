import type { Clock } from '../clock.ts';
import type { ApiConnection, ReadConnection } from './connection.ts';
import { createLink, type Link, sharesSockets } from './link.ts';

/** How often the files of the credentials are looked at without a reason. */
const checkEveryMs = 60_000;

export interface LinksOptions {
  /** Reads the credentials as they are now. */
  readonly connection: ReadConnection;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
}

/**
 * The link with the current credentials. Invariants:
 *
 * - one reading of the credentials at a time; who asks meanwhile gets its result,
 * - credentials that cannot be read, once there were good ones, leave the old link in use,
 * - a link that is replaced takes no new calls; its calls and watches end by themselves (watches within ten minutes).
 */
export class Links {
  readonly #options: LinksOptions;
  #link: Link | undefined;
  #checkedAt = 0;
  #reading: Promise<Link> | undefined;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** @throws Error when there are no credentials that can be used */
  async current(): Promise<Link> {
    const age = Math.abs(this.#options.clock.now() - this.#checkedAt);
    return this.#link === undefined || age >= checkEveryMs ? this.reload() : this.#link;
  }

  /** A link with other credentials than `used` that was refused, when there are others; else undefined. */
  async other(used: Link): Promise<Link | undefined> {
    const link = this.#link === used ? await this.reload(true) : await this.current();
    return link === used ? undefined : link;
  }

  /** Reads the credentials now. @param refused the server does not take the ones in use */
  async reload(refused = false): Promise<Link> {
    this.#reading ??= this.#read(refused).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Ends all connections at once. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading?.catch(() => undefined);
    await this.#link?.agent.destroy();
  }

  async #read(refused: boolean): Promise<Link> {
    const { connection, clock, log } = this.#options;
    if (this.#closed) throw new Error('the API client is closed');
    try {
      return this.#use(await connection(refused));
    } catch (error) {
      if (this.#link === undefined) throw error;
      log.warn({ err: error }, 'credentials for the API server cannot be read; the former ones stay in use');
      return this.#link;
    } finally {
      this.#checkedAt = clock.now();
    }
  }

  #use(connection: ApiConnection): Link {
    const old = this.#link;
    if (old === undefined) return (this.#link = createLink(connection));
    if (sharesSockets(old.connection, connection)) {
      if (old.connection.token !== connection.token) this.#link = { ...old, connection };
      return this.#link ?? old;
    }
    this.#link = createLink(connection);
    this.#options.log.info({ server: connection.server }, 'new credentials for the API server');
    void old.agent.close().catch(() => undefined); // Ends when the last of its calls has ended.
    return this.#link;
  }
}
