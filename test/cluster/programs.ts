import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { KubectlCommand } from '../lab/cluster-calls.ts';
import type { Cluster, TestHost } from '../lab/index.ts';
import { enterArgs } from '../lab/names.ts';

/** A program that runs beside the test. */
export interface RunningProgram {
  /** All that it has printed, on both streams. */
  output(): string;
  write(text: string): void;
  /** Sends SIGKILL and waits for its end. */
  kill(): Promise<void>;
}

export function startProgram(
  host: TestHost,
  { file, args, env }: KubectlCommand,
  stdin: 'ignore' | 'pipe' = 'ignore',
): RunningProgram {
  const child = spawn('nsenter', [...enterArgs(host), file, ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  const collect = (chunk: Buffer): void => void (output += chunk.toString());
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  child.stdin?.on('error', () => undefined);
  return {
    output: () => output,
    write: (text) => void child.stdin?.write(text),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

/** Opens one connection for each message, all at once, and prints a JSON array of what came back until the end. */
const client = `
const { connect } = require('node:net');
const { port, messages, ends } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const talk = (message) => new Promise((resolve) => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: ends });
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  socket.on('error', () => undefined).on('end', () => socket.destroy()).on('close', () => resolve(answer));
  if (ends) socket.end(message);
  else socket.write(message);
});
Promise.all(messages.map(talk)).then((answers) => process.stdout.write(JSON.stringify(answers)));
`;

/**
 * Talks to a port of the host, a connection for each message, all at the same time.
 *
 * @param ends the client ends its direction after the message
 */
export async function forward(
  host: TestHost,
  port: number,
  messages: readonly string[],
  ends: boolean,
): Promise<readonly string[]> {
  const input = JSON.stringify({ port, messages, ends });
  const { stdout, stderr } = await host.exec(process.execPath, ['-e', client], { input, timeoutMs: 60_000 });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as readonly string[];
}

/** Passes each piece of data on 150 ms after it came, in both directions. */
const slowLinkScript = `
const { connect, createServer } = require('node:net');
const [host, port, own] = process.argv.slice(1);
const carry = (from, to) => {
  from.on('data', (chunk) => setTimeout(() => to.destroyed || to.write(chunk), 150));
  from.on('end', () => setTimeout(() => to.end(), 150));
  from.on('error', () => undefined).on('close', () => setTimeout(() => to.destroy(), 200));
};
createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ host, port: Number(port), allowHalfOpen: true });
  carry(near, far);
  carry(far, near);
}).listen(Number(own), '127.0.0.1', () => console.log('listening'));
`;

/** A way to a server by `127.0.0.1:<own>` on which a round takes 300 ms more than it should. */
export function slowLink(host: string, port: number, own: number): KubectlCommand {
  return { file: process.execPath, args: ['-e', slowLinkScript, host, String(port), String(own)], env: {} };
}

/** Answers what the server answers, with the CA in it replaced when it is given one. */
const manInTheMiddleScript = `
const { readFileSync } = require('node:fs');
const https = require('node:https');
const [host, port, own, cert, key, theirCa, ownCa] = process.argv.slice(1);
const base64 = (file) => readFileSync(file).toString('base64');
const forge = (text) => (ownCa ? text.replaceAll(base64(theirCa), base64(ownCa)) : text);
const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  const { method, url, headers } = request;
  const onwards = { host, port, method, path: url, headers, rejectUnauthorized: false };
  request.pipe(https.request(onwards, async (answer) => {
    let text = '';
    for await (const chunk of answer) text += chunk;
    response.writeHead(answer.statusCode, { 'content-type': 'application/json' }).end(forge(text));
  }));
});
server.listen(Number(own), '127.0.0.1', () => console.log('listening'));
`;

/**
 * One who stands between a node and its API server, on `127.0.0.1:<own>`, with a certificate that the cluster did not give.
 *
 * @param ownCa file of a CA to show in the place of the cluster's; empty: what the server says is passed on
 */
export function manInTheMiddle(
  { host, port, caFile }: Cluster,
  own: number,
  [certificate, key]: readonly [string, string],
  ownCa: string,
): KubectlCommand {
  const args = ['-e', manInTheMiddleScript, host, String(port), String(own), certificate, key, caFile, ownCa];
  return { file: process.execPath, args, env: {} };
}
