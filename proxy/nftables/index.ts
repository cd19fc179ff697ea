export { createNftablesBackend, type NftablesOptions } from './backend.ts';
export { nftablesSupported } from './support.ts';
