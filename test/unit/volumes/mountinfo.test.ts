import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mountsWithin, parseMountinfo } from '../../../agent/volumes/mountinfo.ts';

describe('parseMountinfo', () => {
  it.each([
    [
      '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw',
      { mountPoint: '/mnt2', fsType: 'ext3', source: '/dev/root' },
    ],
    ['36 35 98:0 / /a rw - tmpfs tmpfs rw', { mountPoint: '/a', fsType: 'tmpfs', source: 'tmpfs' }],
    [
      '36 35 98:0 / /a rw shared:1 master:2 propagate_from:3 - tmpfs - rw',
      { mountPoint: '/a', fsType: 'tmpfs', source: '-' },
    ],
    [
      String.raw`1 2 0:1 / /a\040b\011c\012d\134e\043f rw - tmpfs x rw`,
      { mountPoint: '/a b\tc\nd\\e#f', fsType: 'tmpfs', source: 'x' },
    ],
    [
      String.raw`1 2 0:1 / /a\134040b rw - tmpfs x rw`,
      { mountPoint: String.raw`/a\040b`, fsType: 'tmpfs', source: 'x' },
    ],
    ['1 2 0:1 / /größe rw - fuse.x x rw', { mountPoint: '/größe', fsType: 'fuse.x', source: 'x' }],
  ])('%s', (line, mount) => {
    expect(parseMountinfo(`${line}\n`)).toEqual([mount]);
  });

  it.each(['', '\n', 'garbage', '36 35 98:0 / /a rw master:1', '36 35 98:0 / /a rw -', '36 35 98:0 / /a rw - tmpfs'])(
    '%j holds no mount',
    (text) => {
      expect(parseMountinfo(text)).toEqual([]);
    },
  );

  it('reads back any path as the kernel writes it', () => {
    const escape = (path: string): string =>
      path.replace(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const line = `1 2 0:1 / /${escape(name)} rw shared:1 - tmpfs tmpfs rw`;
        expect(parseMountinfo(line)).toEqual([{ mountPoint: `/${name}`, fsType: 'tmpfs', source: 'tmpfs' }]);
      }),
    );
  });
});

it('mountsWithin takes the directory itself and what is below, not its neighbours', () => {
  const mounts = ['/', '/a', '/a/b', '/a/b/c', '/a/bc', '/a/b-c'].map((mountPoint) => ({
    mountPoint,
    fsType: 'tmpfs',
  }));
  expect(mountsWithin(mounts, '/a/b').map(({ mountPoint }) => mountPoint)).toEqual(['/a/b', '/a/b/c']);
});
