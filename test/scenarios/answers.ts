import { type Expected, expectedOf, list, type Mode, type Row, tellEndpoint } from './scenario.ts';
import { addressOf, nodeAddresses, type Source } from './world.ts';
import type { Family } from '../../proxy/types.ts';

/** What connections met, in the words of {@link Expected}: `<server> <client's address>`, `refused`, `silence`, or another error. */
export function tellAnswers(answers: readonly string[], from: Source, family: Family): Expected {
  return list(new Set(answers.map((answer) => tellAnswer(answer, from, family))));
}

function tellAnswer(answer: string, from: Source, family: Family): string {
  if (answer === 'silence') return 'dropped';
  const [name = '', seen] = answer.split(' ');
  if (seen === undefined || seen === addressOf(from, family))
    return tellEndpoint(name, from === 'node' && seen !== undefined);
  return nodeAddresses(family).includes(seen) ? tellEndpoint(name, true) : `${name} as ${seen}`;
}

/** What a server can see of a row; undefined where the way does not end at one of ours. */
export function visible(row: Row, mode: Mode): Expected | undefined {
  const [from, to] = row;
  const told = expectedOf(row, mode);
  const reached = told === 'untouched' ? (to === 'b directly' ? 'b' : undefined) : told;
  if (reached === undefined || reached === 'refused' || reached === 'dropped' || from !== 'node') return reached;
  // The node's own address is one of the node, translated or not.
  return list(reached.split(', ').map((name) => tellEndpoint(name.replace(/ as node$/, ''), true)));
}
