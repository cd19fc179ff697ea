import { describe, expect, test } from 'vitest';
import { load, told } from '../helpers.ts';
import { manifest, only } from './helpers.ts';

const HOST_PATH = 'hostPath: {path: /data}';

/** A volume whose spec has these fields in place of, or beside, valid ones. */
function volume({
  modes = '[ReadWriteOnce]',
  capacity = '{storage: 1Gi}',
  rest = HOST_PATH,
  metadata = '',
} = {}): string {
  const fields = `spec: {accessModes: ${modes}, capacity: ${capacity}, ${rest}}`;
  return manifest('PersistentVolume', fields, `{name: one, ${metadata}}`);
}

describe('a PersistentVolume', () => {
  test('belongs to no namespace and is retained', () => {
    expect(only('PersistentVolume', volume())).toMatchObject({
      metadata: { name: 'one', namespace: '' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        hostPath: { path: '/data', type: '' },
        persistentVolumeReclaimPolicy: 'Retain',
        volumeMode: 'Filesystem',
      },
    });
  });

  test('keeps what it was given', () => {
    const rest =
      'nfs: {server: nfs.example.com, path: /x, readOnly: true}, mountOptions: [hard, nfsvers=4.1], storageClassName: slow, ' +
      'persistentVolumeReclaimPolicy: Delete, claimRef: {namespace: default, name: c, uid: u}, ' +
      'nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: k, operator: Exists}]}]}}';
    expect([told(volume({ rest })), only('PersistentVolume', volume({ rest }))?.spec]).toEqual([
      [],
      {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        nfs: { server: 'nfs.example.com', path: '/x', readOnly: true },
        mountOptions: ['hard', 'nfsvers=4.1'],
        storageClassName: 'slow',
        persistentVolumeReclaimPolicy: 'Delete',
        claimRef: { namespace: 'default', name: 'c', uid: 'u' },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }] } },
        volumeMode: 'Filesystem',
      },
    ]);
  });

  test('that is local is one of this node unless it says of which', () => {
    const affinity = (rest: string): unknown => only('PersistentVolume', volume({ rest }))?.spec?.nodeAffinity;
    const term = (value: string): unknown => ({
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [value] }] }],
      },
    });
    const other =
      '{required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [other]}]}]}}';
    expect(affinity('local: {path: /disk}')).toEqual(term('node-1'));
    expect(affinity(`local: {path: /disk}, nodeAffinity: ${other}`)).toEqual(term('other'));
    expect(affinity(HOST_PATH)).toBeUndefined();
  });

  const MODES = '"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';
  test.each<[string, string, readonly string[]]>([
    ['no mode', volume({ modes: '[]' }), ['4 spec.accessModes Required value: at least 1 access mode is required']],
    [
      'an unknown mode',
      volume({ modes: '[RWO]' }),
      [`4 spec.accessModes[0] Unsupported value: "RWO": supported values: ${MODES}`],
    ],
    [
      'modes that exclude each other',
      volume({ modes: '[ReadWriteOncePod, ReadOnlyMany]' }),
      ['4 spec.accessModes Forbidden: may not use ReadWriteOncePod with other access modes'],
    ],
    ['no capacity', volume({ capacity: '{}' }), ['4 spec.capacity[storage] Required value']],
    [
      'no size',
      volume({ capacity: '{storage: 0}' }),
      ['4 spec.capacity[storage] Invalid value: 0: must be greater than zero'],
    ],
    [
      'a size that is none',
      volume({ capacity: '{storage: big}' }),
      ['4 spec.capacity[storage] Invalid value: "big": must be a quantity, such as 500Mi or 10G'],
    ],
    [
      'another capacity',
      volume({ capacity: '{storage: 1, cpu: 1}' }),
      ['4 spec.capacity[cpu] Unsupported value: "cpu": supported values: "storage"'],
    ],
    ['no source', volume({ rest: '' }), ['4 spec Required value: must specify a volume type']],
    [
      'two sources',
      volume({ rest: `${HOST_PATH}, local: {path: /x}` }),
      ['4 spec.local Forbidden: may not specify more than 1 volume type'],
    ],
    ['a driver that is not here', volume({ rest: 'csi: {driver: d}' }), ['4 spec.csi not supported']],
    [
      'a relative path',
      volume({ rest: 'hostPath: {path: data}' }),
      ['4 spec.hostPath.path Invalid value: "data": must be an absolute path'],
    ],
    [
      'a path that climbs',
      volume({ rest: 'local: {path: /a/../b}' }),
      [`4 spec.local.path Invalid value: "/a/../b": must not contain '..'`],
    ],
    [
      'NFS without anything',
      volume({ rest: 'nfs: {}' }),
      ['4 spec.nfs.server Required value', '4 spec.nfs.path Required value'],
    ],
    ['a block device', volume({ rest: `${HOST_PATH}, volumeMode: Block` }), ['4 spec.volumeMode not supported']],
    [
      'an unknown volume mode',
      volume({ rest: `${HOST_PATH}, volumeMode: File` }),
      ['4 spec.volumeMode Unsupported value: "File": supported values: "Block", "Filesystem"'],
    ],
    [
      'a policy that is none',
      volume({ rest: `${HOST_PATH}, persistentVolumeReclaimPolicy: Keep` }),
      [
        '4 spec.persistentVolumeReclaimPolicy Unsupported value: "Keep": supported values: "Delete", "Recycle", "Retain"',
      ],
    ],
    [
      'recycling the whole host',
      volume({ rest: 'hostPath: {path: //}, persistentVolumeReclaimPolicy: Recycle' }),
      [`4 spec.persistentVolumeReclaimPolicy Forbidden: may not be 'recycle' for a hostPath mount of '/'`],
    ],
    [
      'an affinity of nothing',
      volume({ rest: `${HOST_PATH}, nodeAffinity: {required: {nodeSelectorTerms: []}}` }),
      ['4 spec.nodeAffinity.required.nodeSelectorTerms Required value'],
    ],
    ['a namespace', volume({ metadata: 'namespace: a' }), ['3 metadata.namespace Forbidden: not allowed on this type']],
  ])('with %s is refused', (_what, text, expected) => {
    expect([told(text), load(text).objects]).toEqual([expected, []]);
  });
});

describe('a PersistentVolumeClaim', () => {
  const claim = (rest = '', storage = '1Gi'): string =>
    manifest(
      'PersistentVolumeClaim',
      `spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: ${storage}}}, ${rest}}`,
    );

  test('asks for a file system', () => {
    const text = claim('volumeName: v, storageClassName: "", selector: {matchLabels: {a: b}}');
    expect([told(text), only('PersistentVolumeClaim', text)?.spec]).toEqual([
      [],
      {
        accessModes: ['ReadWriteMany'],
        resources: { requests: { storage: '1Gi' } },
        volumeName: 'v',
        storageClassName: '',
        selector: { matchLabels: { a: 'b' } },
        volumeMode: 'Filesystem',
      },
    ]);
  });

  const term = (text: string): string => claim(`selector: {matchExpressions: [${text}]}`);
  const AT = '4 spec.selector.matchExpressions[0]';
  test.each([
    [
      'a size below zero',
      claim('', '-1'),
      ['4 spec.resources.requests[storage] Invalid value: -1: must be greater than zero'],
    ],
    [
      'nothing in it',
      manifest('PersistentVolumeClaim', ''),
      [
        '1 spec.accessModes Required value: at least 1 access mode is required',
        '1 spec.resources.requests[storage] Required value',
      ],
    ],
    ['a block device', claim('volumeMode: Block'), ['4 spec.volumeMode not supported']],
    ['a source', claim('dataSource: {kind: PersistentVolumeClaim, name: x}'), ['4 spec.dataSource not supported']],
    [
      'an operator that is none',
      term('{key: a, operator: Is}'),
      [`${AT}.operator Unsupported value: "Is": supported values: "In", "NotIn", "Exists", "DoesNotExist"`],
    ],
    [
      'no values',
      term('{key: a, operator: In}'),
      [`${AT}.values Required value: must be given when operator is 'In' or 'NotIn'`],
    ],
    [
      'values that mean nothing',
      term('{key: a, operator: Exists, values: [b]}'),
      [`${AT}.values Forbidden: may not be given when operator is 'Exists' or 'DoesNotExist'`],
    ],
    ['no key', term('{operator: Exists}'), [`${AT}.key Required value`]],
  ])('with %s is refused', (_what, text, expected) => {
    expect([told(text), load(text).objects]).toEqual([expected, []]);
  });
});
