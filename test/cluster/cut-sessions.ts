import type { TestHost } from '../lab/index.ts';

/** Opens exec sessions by WebSocket, some at a time, and cuts each as soon as it says that it is there. */
const client = `
const https = require('node:https');
const { readFileSync } = require('node:fs');
const { host, path, cert, key, count, parallel } = JSON.parse(readFileSync(0, 'utf8'));
const credentials = { cert: readFileSync(cert), key: readFileSync(key), rejectUnauthorized: false };
const headers = {
  connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-protocol': 'v4.channel.k8s.io',
};
const session = (politely) => new Promise((resolve) => {
  const request = https.request({ host, port: 10250, path, headers, agent: false, ...credentials });
  request.on('error', () => resolve(0)).on('response', (answer) => answer.resume() && resolve(0));
  request.on('upgrade', (answer, socket, head) => {
    const cut = () => {
      if (politely) socket.end();
      else socket.destroy();
      resolve(1);
    };
    socket.on('error', () => undefined);
    if (head.length > 0) cut();
    else socket.once('data', cut);
  });
  request.end();
});
let [begun, opened] = [0, 0];
const worker = async () => {
  while (begun < count) {
    const isOpened = await session(begun++ % 2 === 0);
    opened += isOpened;
  }
};
Promise.all(Array.from({ length: parallel }, worker)).then(() => console.log(opened));
`;

export interface CutSessions {
  /** Of the kubelet API, with the command. */
  readonly path: string;
  /** Files of who asks. */
  readonly cert: string;
  readonly key: string;
  readonly count: number;
  readonly parallel: number;
}

/** @returns how many sessions began, each of which was then cut */
export async function cutSessions(host: TestHost, sessions: CutSessions): Promise<number> {
  const input = JSON.stringify({ host: host.address, ...sessions });
  const { stdout, stderr } = await host.exec(process.execPath, ['-e', client], { input, timeoutMs: 200_000 });
  if (stdout === '') throw new Error(stderr);
  return Number(stdout);
}
