declare const __PODWRIGHT_VERSION__: string | undefined;

/** podwright's own version; the bundler writes it in. */
export const version = typeof __PODWRIGHT_VERSION__ === 'string' ? __PODWRIGHT_VERSION__ : 'dev';
