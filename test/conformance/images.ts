import type { Credentials } from '../lab/cluster-pki.ts';
import { type FileImage, type ImageFile, programFiles } from '../lab/image-archive.ts';

/** What images are made of: paths of programs, and the certificate of a server in agnhost. */
export interface ImageParts {
  readonly localhost: Credentials;
  readonly agnhost: string;
  readonly nonewprivs: string;
  readonly sampleApiserver: string;
  readonly etcd: string;
}

const registry = 'gcr.io/kubernetes-e2e-test-images';

/** Of this machine, for what tests run in the image of agnhost. */
const tools = ['/usr/bin/bash', '/usr/bin/curl', '/usr/bin/dig', '/usr/bin/getent', '/usr/bin/ss'];

/**
 * Stand-ins for the images that the tests of Kubernetes 1.20 pull (its test/utils/image/manifest.go), by the same names: the tests'
 * own programs upon busybox, and servers that show the pages which tests look for.
 */
export function conformanceImages(parts: ImageParts): readonly FileImage[] {
  const agnhost: readonly ImageFile[] = [
    ...programFiles(parts.agnhost, '/agnhost'),
    { path: '/agnhost-2', source: { link: 'agnhost' } },
    { path: '/uploads/.keep', source: { text: '' } },
    { path: '/localhost.crt', source: { text: parts.localhost.certificate } },
    { path: '/localhost.key', source: { text: parts.localhost.key } },
    ...tools.flatMap((path) => programFiles(path, path)),
    ...programFiles('/bin/nc.openbsd', '/usr/local/bin/nc'),
    // That of Debian's busybox, which is linked statically, crashes.
    ...programFiles('/usr/bin/wget', '/usr/local/bin/wget'),
    // Debian's busybox, as a shell, prefers its own nc, which knows no -z.
    { path: '/bin/sh', source: { link: '/usr/bin/bash' } },
  ];
  const server = (name: string, command: string, config: object = {}, files: readonly ImageFile[] = []): FileImage => ({
    ...{ name, shell: true, files: [...agnhost, ...files] },
    config: { Entrypoint: ['/agnhost'], Cmd: [command], ...config },
  });
  const only = (name: string, program: string, path: string, mode = 0o755): FileImage => ({
    ...{ name, shell: true, files: programFiles(program, path).map((file) => ({ mode, ...file })) },
    config: { Entrypoint: [path] },
  });
  return [
    server('k8s.gcr.io/e2e-test-images/agnhost:2.21', 'pause'),
    server('k8s.gcr.io/pause:3.2', 'pause'),
    server(`${registry}/nonroot:1.0`, 'pause', { User: '1234' }),
    server(`${registry}/jessie-dnsutils:1.0`, 'pause', { Entrypoint: [] }),
    ...['nautilus', 'kitten'].map((name) => server(`${registry}/${name}:1.0`, 'test-webserver', {}, picture(name))),
    only(`${registry}/nonewprivs:1.0`, parts.nonewprivs, '/usr/local/bin/nnp', 0o4755),
    only(`${registry}/sample-apiserver:1.17`, parts.sampleApiserver, '/sample-apiserver'),
    only('k8s.gcr.io/etcd:3.4.13-0', parts.etcd, '/usr/local/bin/etcd'),
    { name: 'busybox:1.29', shell: true, files: [], config: { Cmd: ['sh'] } },
    { name: `${registry}/ipc-utils:1.0`, shell: true, files: programFiles('/usr/bin/ipcs', '/usr/bin/ipcs') },
    ...['httpd:2.4.38-alpine', 'httpd:2.4.39-alpine'].map((name) =>
      web(name, '/usr/local/apache2/htdocs', 'It works!'),
    ),
    ...['nginx:1.14-alpine', 'nginx:1.15-alpine'].map((name) =>
      web(name, '/usr/share/nginx/html', 'Welcome to nginx!'),
    ),
  ];
}

const picture = (name: string): readonly ImageFile[] => [
  { path: '/data.json', source: { text: JSON.stringify({ image: `${name}.jpg` }) } },
  { path: `/${name}.jpg`, source: { text: name } },
];

/** @param directory where the tests look for the page, and move it away to make a pod unready */
function web(name: string, directory: string, page: string): FileImage {
  const text = `<html><body><h1>${page}</h1></body></html>\n`;
  const files = [{ path: `${directory}/index.html`, source: { text } }];
  return { name, shell: true, files, config: { Cmd: ['httpd', '-f', '-p', '80', '-h', directory] } };
}
