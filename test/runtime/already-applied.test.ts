/**
 * A transfer's id that its payer remembers although the window has passed and the runtime does not: it
 * is refused, and the reply says where the record of the first stands.
 */
import { expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { Rig, type RigOptions } from './rig.ts';

const [alice, bob] = [actorKey('account', 'alice'), actorKey('account', 'bob')];
const usd = (amount: string) => ({ asset: 'USD', amount });
const terms = { to: 'bob', ...usd('1') };

interface Told {
  readonly at?: string;
  readonly error?: { readonly code: string };
}

class Stage {
  readonly rig: Rig;

  constructor(options: RigOptions = {}) {
    const limits = { windowMs: 10_000, checkpointRecords: 1, recentRepliesMax: 1 };
    this.rig = new Rig({ partitions: 2, ...options, limits: { ...limits, ...options.limits } });
  }

  async transfer(id: string): Promise<Told> {
    const answered = await this.rig.within(this.rig.command(alice, 'transfer', terms, id));
    return JSON.parse(answered?.text ?? '{}') as Told;
  }

  /** Much is recorded, and the window passes: ids from before are forgotten. */
  async pass(): Promise<void> {
    for (let n = 0; n < 12; n++) {
      for (const account of [alice, bob])
        await this.rig.within(this.rig.command(account, 'deposit', usd('1'), `d${n}`));
      this.rig.clock.advance(15_000);
      await this.rig.settle(10);
      for (const owner of this.rig.open.values()) {
        owner.publisher.confirm(owner.publisher.published);
        owner.tick();
      }
    }
  }

  /** Where the record stands that has this id. */
  async addressOf(id: string): Promise<string> {
    const home = this.rig.home(alice);
    for (const entry of await this.rig.entries(home))
      for (const [index, line] of entry.records.split(',\n').entries())
        if (line.includes(`"id":"${id}"`) && line.includes('"hash"'))
          return `${home}:${entry.epoch}-${entry.position + index}`;
    throw new Error(`${id} is nowhere`);
  }
}

it.each<[string, RigOptions]>([
  ['in the log', {}],
  // So few bytes that all goes to the archive that may.
  ['in the archive', { archive: (each) => each, limits: { retainBytesMax: 1, replyWindowMs: 1 } }],
])('is told to have been applied, and where, %s', async (_, options) => {
  const stage = new Stage(options);
  await stage.rig.startAll();
  for (const account of [alice, bob])
    await stage.rig.within(stage.rig.command(account, 'deposit', usd('10')));
  for (const id of ['first', 'second', 'third']) await stage.transfer(id);
  await stage.pass();
  const home = stage.rig.home(alice);
  const trimmed = (stage.rig.store.partitions(home).entries[0]?.position ?? 0) > 1;
  expect(trimmed).toBe('archive' in options);
  for (const id of ['first', 'second', 'third']) {
    const again = await stage.transfer(id);
    expect(again.error?.code).toBe('runtime/already-applied');
    expect(again.at).toBe(await stage.addressOf(id));
  }
  expect(await stage.rig.within(stage.rig.read(bob, 'balance'))).toMatchObject({
    balances: { USD: { available: '25.00' } },
  });
});
