import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLoopbackPlugin } from '../../../cni/loopback/index.ts';
import { pluginRequest } from '../../unit/cni/bridge/fixtures.ts';
import { createNamespaces, type Namespaces, netnsPath } from './namespaces.ts';

const never = new AbortController().signal;

describe.skipIf(process.getuid?.() !== 0)('the loopback plugin', () => {
  let spaces: Namespaces;
  beforeEach(() => {
    spaces = createNamespaces('lo');
  });
  afterEach(() => spaces.remove());

  test('sets lo up, also twice', async () => {
    const [pod = ''] = spaces.addPods(1);
    const netns = netnsPath(pod);
    const plugin = createLoopbackPlugin({ exec: spaces.exec, dataDir: '', onWarning: () => undefined });
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await plugin.add(pluginRequest({ netns }), never)).toEqual({
        cniVersion: '1.1.0',
        interfaces: [{ name: 'lo', sandbox: netns }],
      });
    }
    spaces.run(pod, 'busybox', 'ping', '-q', '-c', '1', '-W', '3', '127.0.0.1');
    await expect(plugin.add(pluginRequest({ netns: '/run/netns/none' }), never)).rejects.toMatchObject({
      name: 'CniError',
      message: /^loopback: cannot set lo up in \/run\/netns\/none/,
    });
  });
});
