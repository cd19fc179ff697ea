declare const __PODWRIGHT_VERSION__: string | undefined;

/** podwright's own version; the bundler writes it in. */
export const version = typeof __PODWRIGHT_VERSION__ === 'string' ? __PODWRIGHT_VERSION__ : 'dev';

/** The Kubernetes release whose kubelet podwright is like, as the kubelet names it to who is probed or hooked. */
export const kubeletRelease = '1.32';

/** The version of that kubelet: what version checks of other programs compare. */
export const likeKubelet = `v${kubeletRelease}.0`;
