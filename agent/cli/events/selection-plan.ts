import type { CoreEvent } from '../../events/types.ts';
import { UsageError } from '../failure.ts';

export interface EventObject {
  /** `Pod`, `Node` */
  readonly kind: string;
  readonly name: string;
}

const kinds: Readonly<Record<string, string>> = {
  pod: 'Pod',
  pods: 'Pod',
  po: 'Pod',
  node: 'Node',
  nodes: 'Node',
  no: 'Node',
};

/** Reads `pod/web`. @throws UsageError */
export function parseFor(text: string): EventObject {
  const [kindText = '', name = '', ...rest] = text.split('/');
  const kind = kinds[kindText.toLowerCase()];
  if (kind === undefined || name === '' || rest.length > 0) {
    throw new UsageError(`--for: "${text}" is not of the form pod/NAME`);
  }
  return { kind, name };
}

/** Whether an event is about an object, by its full name or by the name in a static pod's manifest, which lacks the node. */
export function isAbout({ involvedObject }: CoreEvent, { kind, name }: EventObject, nodeName: string): boolean {
  return involvedObject.kind === kind && [name, `${name}-${nodeName.toLowerCase()}`].includes(involvedObject.name);
}
