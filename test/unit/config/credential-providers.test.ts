import { describe, expect, it } from 'vitest';
import { parseCredentialProviders } from '../../../agent/config/credential-providers.ts';
import { ConfigError, type Flags, loadConfig } from '../../../agent/config/index.ts';

const head = 'apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n';
const provider = `- name: login
  matchImages: ['*.registry.test', registry.test:5000/team]
  defaultCacheDuration: 10m
  apiVersion: credentialprovider.kubelet.k8s.io/v1
`;
const full = `${head}providers:
${provider}  args: [get]
  env:
  - {name: REGION, value: here}
  tokenAttributes:
    serviceAccountTokenAudience: aud
    cacheType: Token
    requireServiceAccount: true
`;

/** Problems as users read them. */
const problems = (text: string): readonly string[] =>
  parseCredentialProviders('f', text).problems.map(
    ({ line, path, message }) => `${line ?? ''}: ${path ?? ''}: ${message}`,
  );

it('reads all that a provider may say', () => {
  expect(parseCredentialProviders('f', full)).toEqual({
    problems: [],
    providers: [
      {
        name: 'login',
        matchImages: ['*.registry.test', 'registry.test:5000/team'],
        defaultCacheMs: 600_000,
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        args: ['get'],
        env: { REGION: 'here' },
        needsServiceAccount: true,
      },
    ],
  });
});

describe('what is wrong is named with its line', () => {
  it.each([
    ['', [': : holds no CredentialProviderConfig']],
    [`${head}providers: []\n`, ['3: providers: Too small: expected array to have >=1 items']],
    [`${head}providers:\n${provider}---\n${head}`, ['9: : a second document: there may be one']],
    [`${head}providers:\n${provider}${provider}`, ['8: providers[1].name: is a name that an earlier provider has']],
    [
      full.replace('name: login', 'name: ../login'),
      ['4: providers[0].name: must be the name of a file: without slash and space, and neither . nor ..'],
    ],
    [
      full.replace('10m', 'soon'),
      ['6: providers[0].defaultCacheDuration: must be a duration such as 20s or 1m30s, not "soon"'],
    ],
    [full.replace('10m', '-1m'), ['6: providers[0].defaultCacheDuration: must not be negative']],
    [
      full.replace("'*.registry.test'", "'a b'"),
      ['5: providers[0].matchImages[0]: must be a pattern such as registry.example.com/team or *.example.com'],
    ],
    [full.replace('args:', 'arg:'), ['8: providers[0].arg: unknown field']],
  ])('%#', (text, expected) => {
    expect(problems(text)).toEqual(expected);
  });
});

describe('the two flags', () => {
  const load = async (flags: Flags): Promise<unknown> => {
    const readFile = (path: string): Promise<string> =>
      path === '/providers.yaml' ? Promise.resolve(full) : Promise.reject(new Error('no such file'));
    try {
      const { config } = await loadConfig(flags, { readFile, env: {}, hostname: 'n', cwd: '/etc' });
      return config.imageCredentialProviders?.binDir;
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
  };

  it.each([
    [{}, undefined],
    [{ imageCredentialProviderConfig: '/providers.yaml', imageCredentialProviderBinDir: 'bin' }, '/etc/bin'],
    [
      { imageCredentialProviderConfig: '/providers.yaml' },
      '--image-credential-provider-config: needs --image-credential-provider-bin-dir beside it',
    ],
    [
      { imageCredentialProviderBinDir: '/bin' },
      '--image-credential-provider-bin-dir: needs --image-credential-provider-config beside it',
    ],
    [
      { imageCredentialProviderConfig: '/none', imageCredentialProviderBinDir: '/bin' },
      '/none: cannot be read: no such file',
    ],
  ])('%j: %s', async (flags, expected) => {
    expect(await load(flags)).toBe(expected);
  });
});
