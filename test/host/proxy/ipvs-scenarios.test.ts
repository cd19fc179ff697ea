import { expect, it } from 'vitest';
import { guestProblem, startGuest } from '../../lab/guest.ts';
import { askScenarios } from './ipvs-scenarios.ts';

/** Some minutes on a busy machine: all of the guest is emulated. */
const TIMEOUT_MS = 600_000;

it.skipIf(guestProblem !== undefined)(
  'a packet meets with IPVS what the scenarios say',
  { timeout: TIMEOUT_MS },
  async () => {
    const guest = await startGuest();
    try {
      const { expected, met } = await askScenarios(guest, AbortSignal.timeout(TIMEOUT_MS));
      expect(met).toEqual(expected);
    } finally {
      await guest.stop();
    }
  },
);
