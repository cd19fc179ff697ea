/**
 * The tag of an image reference: `latest` when it names neither tag nor digest, undefined when it names a digest only.
 * A colon before the last slash belongs to the registry's port.
 */
export function imageTag(image: string): string | undefined {
  const [name = '', digest] = image.split('@', 2);
  const [, tag] = name.slice(name.lastIndexOf('/') + 1).split(':', 2);
  return tag ?? (digest === undefined ? 'latest' : undefined);
}
