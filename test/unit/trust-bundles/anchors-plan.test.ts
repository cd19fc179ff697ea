import { describe, expect, test } from 'vitest';
import { pem } from '../../../agent/der.ts';
import { type TrustBundle, type TrustBundleSource, trustAnchors } from '../../../agent/trust-bundles/anchors-plan.ts';

const certificate = (text: string): string => pem('CERTIFICATE', Buffer.from(text));
const [one, two, three] = ['1 of a root, longer than a line of PEM takes, so that it is broken', '2', '3'].map(
  certificate,
);
const bundle = (name: string, trustBundle: string, signerName = '', labels = {}): TrustBundle => ({
  ...{ name, trustBundle, signerName, labels },
});

const bundles = [
  bundle('plain', `Roots of ours\n${two}\nand\r\n${one?.replaceAll('\n', '\r\n')}`),
  bundle('a.example:b:live', `${three}${two}`, 'a.example/b', { tier: 'live' }),
  bundle('a.example:b:old', `${one}${two}`, 'a.example/b', { tier: 'old' }),
  bundle('a.example:c:live', `${one}`, 'a.example/c', { tier: 'live' }),
  bundle('broken', '-----BEGIN CERTIFICATE-----\nAAAA\n'),
];
const source = (rest: Partial<TrustBundleSource>): TrustBundleSource => ({ path: 'ca.pem', ...rest });
const signer = (labelSelector?: NonNullable<TrustBundleSource['labelSelector']>): TrustBundleSource =>
  source({ signerName: 'a.example/b', ...(labelSelector === undefined ? {} : { labelSelector }) });

describe('the certificates of a source', () => {
  test.each<[string, TrustBundleSource, readonly (string | undefined)[]]>([
    ['of a bundle, without what is around them', source({ name: 'plain' }), [one, two]],
    ['of a bundle of a signer', source({ name: 'a.example:c:live' }), [one]],
    ['of all bundles of a signer, each once', signer({}), [one, two, three]],
    ['of those with a label', signer({ matchLabels: { tier: 'live' } }), [two, three]],
    [
      'of those without',
      signer({ matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['live'] }] }),
      [one, two],
    ],
    ['of none that is cut off', source({ name: 'broken' }), []],
    ['of no bundle', source({ name: 'none', optional: true }), []],
    ['of no bundle of a signer', { ...signer(), optional: true }, []],
  ])('are those %s', (_, of, expected) => {
    const sorted = expected.map((text) => text ?? '').sort();
    expect(trustAnchors(bundles, of)).toBe(sorted.join(''));
    expect(trustAnchors(bundles.toReversed(), of)).toBe(sorted.join(''));
  });

  test.each<[TrustBundleSource, string]>([
    [source({ name: 'none' }), 'clustertrustbundle.certificates.k8s.io "none" not found'],
    [signer(), 'combination of signerName and labelSelector matched zero ClusterTrustBundles'],
    [signer({ matchLabels: { tier: 'none' } }), 'matched zero ClusterTrustBundles'],
    [source({ signerName: 'a.example/none', labelSelector: {} }), 'matched zero ClusterTrustBundles'],
  ])('%j are none: %s', (of, message) => expect(() => trustAnchors(bundles, of)).toThrow(message));
});
