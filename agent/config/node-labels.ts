import { labelValue, qualifiedName } from '../objects/names.ts';

export interface NodeLabels {
  readonly labels: Readonly<Record<string, string>>;
  /** What is wrong with the first label that cannot be. */
  readonly problem: string | undefined;
}

/** Reads the kubelet's `--node-labels`: `key=value`, comma-separated; a key without `=` has an empty value. */
export function parseNodeLabels(text: string): NodeLabels {
  const pairs = text
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map(splitPair);
  const problem = pairs.map(([key, value]) => labelProblem(key, value)).find((found) => found !== undefined);
  return { labels: problem === undefined ? Object.fromEntries(pairs) : {}, problem };
}

function splitPair(pair: string): readonly [key: string, value: string] {
  const at = pair.indexOf('=');
  return at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}

function labelProblem(key: string, value: string): string | undefined {
  const keyProblem = qualifiedName(key);
  if (keyProblem !== undefined) return `label ${JSON.stringify(key)} ${keyProblem}`;
  const valueProblem = labelValue(value);
  return valueProblem === undefined ? undefined : `value ${JSON.stringify(value)} of label ${key} ${valueProblem}`;
}
