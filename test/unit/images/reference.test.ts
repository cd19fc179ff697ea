import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyDefaultTag,
  formatImageReference,
  InvalidImageReference,
  parseImageReference,
} from '../../../agent/images/reference.ts';

const hex = 'f'.repeat(64);

describe('parseImageReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest'],
    ['registry.test/app:v1', 'registry.test/app:v1'],
    ['registry.test:5000/team/app', 'registry.test:5000/team/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['Host/app', 'Host/app:latest'],
    ['registry.test:5000', 'docker.io/library/registry.test:5000'],
    ['192.0.2.1:5000/app', '192.0.2.1:5000/app:latest'],
    ['[2001:db8::1]:5000/app:v1', '[2001:db8::1]:5000/app:v1'],
    [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`],
    [`busybox:1.36@sha256:${hex}`, `docker.io/library/busybox:1.36@sha256:${hex}`],
    ['a_b/c__d/e---f/g.h', 'docker.io/a_b/c__d/e---f/g.h:latest'],
    ['app:Tag_1.2-x', 'docker.io/library/app:Tag_1.2-x'],
  ])('%s is %s', (image, full) => {
    expect(formatImageReference(parseImageReference(image))).toBe(full);
  });

  it.each([
    ['', 'invalid reference format'],
    [':tag', 'invalid reference format'],
    ['busybox:', 'invalid reference format'],
    ['busybox:-x', 'invalid reference format'],
    [`busybox:${'x'.repeat(129)}`, 'invalid reference format'],
    ['busy box', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['a..b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['https://registry.test/app', 'invalid reference format'],
    ['[2001:db8::1]', 'invalid reference format'],
    ['reg_istry.test/app', 'invalid reference format'],
    ['BusyBox', 'invalid reference format: repository name (library/BusyBox) must be lowercase'],
    ['registry.test/App:v1', 'invalid reference format: repository name (App) must be lowercase'],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    [`busybox@sha256:${hex.slice(1)}`, 'invalid reference format: invalid checksum digest length'],
    [`busybox@md5:${hex}`, 'invalid reference format: unsupported digest algorithm'],
    ['a/'.repeat(128) + 'a', 'invalid reference format: repository name must not be more than 255 characters'],
  ])('refuses %j: %s', (image, message) => {
    expect(() => parseImageReference(image)).toThrow(new InvalidImageReference(message));
  });

  it('never throws anything else, and a full reference parses to itself', () => {
    const part = fc.stringMatching(/^[a-zA-Z0-9._:@/-]{0,12}$/);
    const images = fc.oneof(
      fc.string(),
      fc.array(part).map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(images, (image) => {
        const reference = parsed(image);
        if (reference !== undefined) expect(parseImageReference(formatImageReference(reference))).toEqual(reference);
      }),
    );
  });
});

it.each([
  ['busybox', 'busybox:latest'],
  ['latest', 'latest:latest'],
  ['busybox:1.36', 'busybox:1.36'],
  ['registry.test:5000/app', 'registry.test:5000/app:latest'],
  [`busybox@sha256:${hex}`, `busybox@sha256:${hex}`],
  [`busybox:1@sha256:${hex}`, `busybox:1@sha256:${hex}`],
])('applyDefaultTag: %s to %s', (image, tagged) => {
  expect(applyDefaultTag(image)).toBe(tagged);
});

function parsed(image: string): ReturnType<typeof parseImageReference> | undefined {
  try {
    return parseImageReference(image);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidImageReference);
    return undefined;
  }
}
