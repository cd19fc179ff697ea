export { createNftablesBackend } from './backend.ts';
export { nftablesSupported } from './support.ts';
export { tableOfPlan } from './render.ts';
export { traceNftables } from './trace.ts';
export { heldOfAll, heldOfPort, readHeldTable } from './held.ts';
export { readTable } from './nft.ts';
