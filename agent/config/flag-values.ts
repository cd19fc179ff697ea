import { splitTaint } from './taints.ts';

/** How the text of a flag becomes the value of its field; `thresholds` are as `memory.available<100Mi`. */
export type FlagForm = 'text' | 'number' | 'boolean' | 'list' | 'taints' | 'map' | 'booleans' | 'thresholds';

/** The value that the same text would be in YAML; what is none stays text, which the schema refuses. */
export function readFlagValue(form: FlagForm, text: string): unknown {
  switch (form) {
    case 'text':
      return text;
    case 'number':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'boolean':
      return readBoolean(text);
    case 'list':
      return text === '' ? [] : splitList(text);
    case 'taints':
      return text === '' ? [] : splitList(text).map(splitTaint);
    case 'map':
      return readMap(text, '=');
    case 'thresholds':
      return readMap(text, '<');
    case 'booleans': {
      const map = readMap(text, '=');
      if (typeof map === 'string') return map;
      return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, readBoolean(value)]));
    }
  }
}

/** As Go's `strconv.ParseBool`. */
function readBoolean(text: string): boolean | string {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(text) ? false : text;
}

function readMap(text: string, separator: '=' | '<'): Readonly<Record<string, string>> | string {
  const pairs = text.split(',').filter((part) => part.trim() !== '');
  if (!pairs.every((pair) => pair.includes(separator))) return text;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf(separator);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

function splitList(text: string): readonly string[] {
  return text.split(',').map((item) => item.trim());
}
