/**
 * A program for Node that connects to ports of the network namespace it runs in, and hands the open sockets over: a socket
 * stays in the namespace that it was made in. It is text, and no file, so that it goes with the daemon that runs and not with
 * the one that an upgrade has put in its place meanwhile.
 *
 * Messages: `{ id, port }` in, `{ id }` with a socket or `{ id, error }` out. As the kubelet does, IPv4 is tried first, and
 * its failure is told: many a pod has no IPv6. Sockets
 * are paused from the start: what a server says first must not be read here.
 */
export const dialProgram = `
'use strict';
const { connect } = require('node:net');
function dial(id, port, [host, ...others], first) {
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.pause();
  socket.once('connect', () => process.send({ id }, socket, () => undefined));
  socket.once('error', (error) => {
    if (others.length > 0) dial(id, port, others, first ?? error);
    else process.send({ id, error: (first ?? error).message }, () => undefined);
  });
}
process.on('message', ({ id, port }) => dial(id, port, ['127.0.0.1', '::1']));
process.on('disconnect', () => process.exit(0));
`;
