import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/*
 * A process that talks to echo servers behind an address, arguments ADDRESS PORT CONNECTIONS: over connections that it keeps, and
 * over a new one at a time. Over IPC it says that all connections are made, and at any message ends with its report.
 */

/** What it has seen. */
export interface EchoReport {
  /** Lines that came back over the connections that were kept. */
  readonly echoed: number;
  /** New connections over which a line came back. */
  readonly made: number;
  /** What was lost, one readable line each. */
  readonly lost: readonly string[];
}

interface Connection {
  /** Writes a line and waits until it comes back. */
  readonly exchange: (line: string) => Promise<void>;
  readonly close: () => void;
}

const [address = '', port = '', count = ''] = process.argv.slice(2);
const pauseMs = 100;
/** Only for what never comes: a machine under load may be slow. */
const patienceMs = 30_000;

const lost: string[] = [];
let echoed = 0;
let made = 0;
let isEnding = false;

process.on('disconnect', () => process.exit()); // also when the test was killed
const kept = await Promise.all(Array.from({ length: Number(count) }, async () => open()));
const talks = [...kept.map(async (connection, index) => keepTalking(connection, index)), connectAgainAndAgain()];
process.send?.('ready');
await once(process, 'message');
isEnding = true;
await Promise.all(talks);
process.send?.({ echoed, made, lost } satisfies EchoReport);
process.disconnect();

async function open(): Promise<Connection> {
  const socket = connect({ host: address, port: Number(port), noDelay: true });
  socket.setTimeout(patienceMs, () => socket.destroy(new Error(`silent for ${patienceMs} ms`)));
  await once(socket, 'connect');
  const chunks = socket.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  return {
    exchange: async (line) => {
      socket.write(line);
      let answer = '';
      while (answer.length < line.length) {
        const next = await chunks.next();
        if (next.done === true) throw new Error('closed by the other side');
        answer += next.value;
      }
      if (answer !== line) throw new Error(`${JSON.stringify(answer)} came back for ${JSON.stringify(line)}`);
    },
    close: () => socket.destroy(),
  };
}

async function keepTalking({ exchange, close }: Connection, index: number): Promise<void> {
  try {
    for (let line = 0; !isEnding; line += 1) {
      await exchange(`connection ${index} line ${line}\n`);
      echoed += 1;
      await delay(pauseMs);
    }
  } catch (error) {
    lost.push(`connection ${index} at ${new Date().toISOString()}: ${String(error)}`);
  }
  close();
}

async function connectAgainAndAgain(): Promise<void> {
  for (let index = 0; !isEnding; index += 1) {
    try {
      const { exchange, close } = await open();
      await exchange(`new ${index}\n`);
      close();
      made += 1;
    } catch (error) {
      lost.push(`new connection ${index} at ${new Date().toISOString()}: ${String(error)}`);
    }
    await delay(pauseMs);
  }
}
