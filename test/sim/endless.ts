/** Actors for `millrace sim --actors`, of which one never lets go of the thread. */
import { setup } from 'xstate';
import { z } from 'zod';
import { accept, defineActor } from '../../actors/actor.ts';
import { actorKey } from '../../contracts/ids.ts';
import type { Workload } from '../../tools/sim/index.ts';

const spinner = defineActor({
  type: 'spinner',
  command: z.discriminatedUnion('name', [z.strictObject({ name: z.literal('spin') })]),
  event: z.object({ type: z.literal('spun') }),
  machine: setup({}).createMachine({ on: { spun: {} } }),
  decide: () => {
    void spin();
    return accept({ type: 'spun' });
  },
});

async function spin(): Promise<never> {
  for (;;) await Promise.resolve();
}

export const workload = (): Workload => ({
  types: [spinner],
  act: () => ({ verb: 'cmd', actor: actorKey('spinner', 'one'), name: 'spin', body: {} }),
});
