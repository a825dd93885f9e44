import { describe, expect, it } from 'vitest';
import { actorKey } from '../../contracts/ids.ts';
import { partitionOf } from '../../contracts/partition.ts';
import { decodeGroup } from '../../contracts/record.ts';
import type { Host, HostOptions } from '../../runtime/host.ts';
import type { Log } from '../../runtime/log.ts';
import { preferredHost } from '../../runtime/rendezvous.ts';
import { HostRig, mappedSubject, replacing, settings, type WireAnswer } from './host-rig.ts';

const home = (purse: string): number => partitionOf(actorKey('purse', purse), settings.partitions);
const shared = (host: string): string[] =>
  Array.from({ length: 99 }, (_, n) => `p${n}`).filter(
    (purse) => preferredHost(['ann', 'bob'], home(purse)) === host,
  );

/** Lives where bob takes over from ann. */
const giver = shared('bob')[0] ?? '';
/** Lives where ann stays the owner. */
const receiver = shared('ann')[0] ?? '';

interface Stage {
  readonly rig: HostRig;
  readonly ann: Host;
  /** From now on gifts are received. */
  open(): void;
}

/** A host that has all partitions, and in whose log nothing is received for now. */
async function stage(
  different: (rig: HostRig) => Partial<HostOptions> = () => ({}),
): Promise<Stage> {
  const rig = new HostRig();
  let open = false;
  const append: Log['append'] = async (group) => {
    if (!open && group.fence.partition === home(receiver)) throw new Error('not now');
    return rig.store.log.append(group);
  };
  const log = replacing(rig.store.log, { append });
  const ann = await rig.start('ann', { log, ...different(rig) });
  await rig.ownedBy('ann');
  await rig.pass(rig.insist(giver, 'put', { coins: 9 }, 'fill'));
  return { rig, ann, open: () => void (open = true) };
}

const gift = { name: 'give', body: { to: receiver, coins: 1 } };

/** A batch of which the second command waits for somebody else. */
const batch = {
  commands: [
    { id: 'put', actor: `purse/${giver}`, name: 'put', body: { coins: 1 } },
    { id: 'give', actor: `purse/${giver}`, ...gift },
  ],
};

interface BatchAnswer extends WireAnswer {
  readonly replies: readonly WireAnswer[];
}

const sendBatch = ({ rig }: Stage): Promise<BatchAnswer | undefined> =>
  rig.request(`millrace.part.${home(giver)}.batch`, batch, undefined, 20_000) as Promise<
    BatchAnswer | undefined
  >;

const said = (answer: WireAnswer | undefined): unknown => answer?.result ?? answer?.error?.code;

const givenToBob = async (rig: HostRig): Promise<void> => {
  await rig.until(async () => (await rig.owners())[home(giver)] === 'bob');
};

describe('a batch that waits for a deferred reply', () => {
  it('is answered in full when its partition is handed over meanwhile', async () => {
    const staged = await stage();
    const answer = sendBatch(staged);
    await staged.rig.elapse(100);
    await staged.rig.start('bob');
    await givenToBob(staged.rig);
    staged.open();
    const { replies } = (await staged.rig.pass(answer)) ?? { replies: [] };
    expect(replies.map(said)).toEqual([{ coins: 10 }, { given: 1 }]);
  });

  it('is answered in full when another host takes its partition over, and its own lives', async () => {
    let renews = true;
    const staged = await stage(({ store }) => ({
      leases: replacing(store.leases, {
        renew: (...args) =>
          renews ? store.leases.renew(...args) : Promise.reject(new Error('cut off')),
        heartbeat: (...args) =>
          renews ? store.leases.heartbeat(...args) : Promise.reject(new Error('cut off')),
      }),
    }));
    renews = false;
    await staged.rig.start('bob');
    const answer = sendBatch(staged);
    await givenToBob(staged.rig);
    staged.open();
    const { replies } = (await staged.rig.pass(answer)) ?? { replies: [] };
    expect(replies.map(said)).toEqual([{ coins: 10 }, { given: 1 }]);
  });

  it('is told in time that it is pending, if its host leaves and nobody can say more', async () => {
    const staged = await stage();
    const { rig, ann } = staged;
    await rig.start('bob');
    const sentAt = rig.clock.monotonic();
    const answer = sendBatch(staged);
    await rig.elapse(100);
    const stopped = ann.stop();
    const { replies } = (await rig.pass(answer)) ?? { replies: [] };
    expect(replies.map(said)).toEqual([{ coins: 10 }, 'runtime/pending']);
    expect(rig.clock.monotonic() - sentAt).toBeLessThan(rig.limits(1).replyWaitMs + 1_000);
    await rig.pass(stopped);
  });

  it('takes no word of anybody that is not a reply', async () => {
    const staged = await stage();
    const { rig } = staged;
    const answer = sendBatch(staged);
    await rig.elapse(100);
    const entries = await rig.store.log.read(home(giver), 1, 99);
    const records = entries.flatMap(({ n, records: text }) => (n > 0 ? decodeGroup(text) : []));
    const pending = records.find((record) => record.pending !== undefined)?.pending ?? '';
    expect(pending).toMatch(/^millrace\.batch\./);
    for (const text of ['', '}],"ok":true', '[]', '7', '{"ok":"yes"}'])
      rig.bus.publish(pending, text);
    staged.open();
    const { replies } = (await rig.pass(answer)) ?? { replies: [] };
    expect(replies.map(said)).toEqual([{ coins: 10 }, { given: 1 }]);
  });
});

it('a repeat that waits for a deferred reply is told to ask again when the partition is handed over', async () => {
  const { rig, open } = await stage();
  const subject = mappedSubject('cmd', giver, 'give');
  const give = (): Promise<WireAnswer | undefined> =>
    rig.request(subject, gift.body, 'once', 20_000);
  const first = give();
  await rig.elapse(50);
  const repeat = give();
  await rig.start('bob');
  expect(said(await rig.pass(repeat))).toBe('runtime/pending');
  await givenToBob(rig);
  const again = give();
  await rig.elapse(50);
  open();
  expect(said(await rig.pass(first))).toEqual({ given: 1 });
  expect(await rig.pass(again)).toEqual(await first);
});
