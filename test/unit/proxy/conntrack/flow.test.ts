import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Flow, parseFlows } from '../../../../proxy/conntrack/flow.ts';

const DNS: Flow = {
  protocol: 'UDP',
  destination: '192.0.2.200',
  destinationPort: 53,
  replySource: '198.51.100.5',
  replyPort: 5353,
};

const tuples =
  'src=192.0.2.4 dst=192.0.2.200 sport=1000 dport=53 [UNREPLIED] src=198.51.100.5 dst=192.0.2.4 sport=5353 dport=1000';

test.each<[string, string, readonly Flow[]]>([
  ['nothing', '', []],
  ['as -L prints it', `udp      17 59 ${tuples} mark=0 use=1\n`, [DNS]],
  ['with -o extended', `ipv4     2 udp      17 59 ${tuples} mark=0 use=1\n`, [DNS]],
  [
    'with counters and the word for a flow that was answered',
    'udp      17 170 src=192.0.2.4 dst=192.0.2.200 sport=1000 dport=53 packets=3 bytes=90 ' +
      'src=198.51.100.5 dst=192.0.2.4 sport=5353 dport=1000 packets=3 bytes=90 [ASSURED] mark=0 use=1',
    [DNS],
  ],
  [
    'IPv6',
    'udp      17 46 src=2001:db8::1 dst=2001:db8::99 sport=1000 dport=53 src=2001:db8::5 dst=2001:db8::1 ' +
      'sport=5353 dport=1000 [ASSURED] mark=0 use=1',
    [{ ...DNS, destination: '2001:db8::99', replySource: '2001:db8::5' }],
  ],
  ['a protocol with states', `sctp     132 9 ESTABLISHED ${tuples} mark=0 use=1`, [{ ...DNS, protocol: 'SCTP' }]],
  ['one of a zone', `udp      17 59 ${tuples} mark=0 zone=7 use=1`, []],
  ['a protocol without ports', 'icmp     1 29 src=192.0.2.4 dst=192.0.2.5 type=8 code=0 id=3 src=192.0.2.5', []],
  ['other text', 'conntrack v1.4.7 (conntrack-tools): 6 flow entries have been shown.', []],
])('reads %s', (_what, text, expected) => expect(parseFlows(text)).toEqual(expected));

const port = fc.nat(65_535);
const ip = fc.oneof(fc.ipV4(), fc.ipV6());
const flow: fc.Arbitrary<Flow> = fc.record({
  protocol: fc.constantFrom('UDP', 'SCTP'),
  destination: ip,
  destinationPort: port,
  replySource: ip,
  replyPort: port,
});
const noise = fc.constantFrom('', '[UNREPLIED] ', 'packets=1 bytes=28 ', 'packets=1 bytes=28 [UNREPLIED] ');

function print({ protocol, destination, destinationPort, replySource, replyPort }: Flow, between: string): string {
  const there = `src=192.0.2.1 dst=${destination} sport=40000 dport=${destinationPort} `;
  const back = `src=${replySource} dst=192.0.2.1 sport=${replyPort} dport=40000 `;
  return `${protocol.toLowerCase()}      17 29 ${there}${between}${back}mark=0 use=1\n`;
}

test('reads back what is printed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(flow, noise)), (list) => {
      const text = list.map(([one, between]) => print(one, between)).join('');
      expect(parseFlows(text)).toEqual(list.map(([one]) => one));
    }),
  );
});

test('takes any text, and lines cut anywhere', () => {
  fc.assert(
    fc.property(flow, noise, fc.nat(200), fc.string(), (one, between, length, text) => {
      const cut = print(one, between).slice(0, length);
      for (const read of parseFlows(`${cut}\n${text}`)) expect(read.replyPort).toBeGreaterThanOrEqual(0);
    }),
  );
});
