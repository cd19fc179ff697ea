import { loadManifest, type LoadedManifest } from '../../../agent/objects/index.ts';

export const FROM = { origin: '/manifests/web.yaml', nodeName: 'Node-1', seenAt: Date.UTC(2026, 0, 2, 3, 4, 5) };

export function load(text: string): LoadedManifest {
  return loadManifest(text, FROM);
}

/** `line path: message` of every problem, in order. */
export function told(text: string): readonly string[] {
  return load(text).problems.map(({ line, path, message, severity }) =>
    [severity === 'warning' ? 'warning' : '', line, path, message]
      .filter((part) => part !== '' && part !== undefined)
      .join(' '),
  );
}

/** A valid pod with some more lines in its spec, at four spaces beneath the container, or in its metadata. */
export function pod({ spec = '', container = '', metadata = '' } = {}): string {
  const block = (text: string, indent: string): string =>
    text === ''
      ? ''
      : text
          .split('\n')
          .map((line) => `${indent}${line}\n`)
          .join('');
  return `apiVersion: v1
kind: Pod
metadata:
  name: web
${block(metadata, '  ')}spec:
${block(spec, '  ')}  containers:
  - name: app
    image: registry/app:1
${block(container, '    ')}`;
}
