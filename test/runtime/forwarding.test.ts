import { describe, expect, it } from 'vitest';
import { subjectsUnder } from '../../contracts/subjects.ts';
import type { BusMessage, PublishOptions } from '../../runtime/bus.ts';
import { Forwarding } from '../../runtime/forwarding.ts';
import type { Request } from '../../runtime/gateway.ts';
import { defaultLimits, type Limits } from '../../runtime/limits.ts';
import { memoryHub } from '../../runtime/memory/bus.ts';
import { manualClock } from '../../runtime/memory/clock.ts';
import { replacing } from './host-rig.ts';

const subjects = subjectsUnder('millrace');

const request: Request = {
  subject: 'millrace.cmd.purse.alice.put',
  payload: Buffer.from('{"coins":1}'),
  reply: 'reply.here',
  id: 'id-1',
  trace: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
};

/** Hosts that know nothing but how to forward. `owners` is what a look at the store would tell. */
class Town {
  readonly clock = manualClock();
  readonly hub = memoryHub({ clock: this.clock });
  owner: string | undefined;
  looks = 0;
  /** The store does not answer. */
  deaf = false;
  readonly refused: string[] = [];

  /** A host that sends on, to whom it believes to be the owner. */
  sender(known: string | undefined, limits: Partial<Limits> = {}): Forwarding {
    let believed = known;
    return new Forwarding({
      nonce: 'sender',
      bus: this.hub.connect(),
      clock: this.clock,
      limits: { ...defaultLimits(1), ...limits },
      subjects,
      ownerOf: () => (believed === undefined ? undefined : { host: believed, process: believed }),
      look: async () => {
        this.looks++;
        if (this.deaf) throw new Error('the store does not answer');
        believed = this.owner;
      },
      refuse: (_, code) => void this.refused.push(code),
    });
  }

  /** A host that receives, and serves or does not; what it carried out. */
  receiver(
    name: string,
    options: {
      process?: string;
      serves?: boolean;
      losesAnswers?: number;
      limits?: Partial<Limits>;
    } = {},
  ) {
    const { process = name, serves = true, losesAnswers = 0, limits = {} } = options;
    const bus = this.hub.connect();
    let lost = 0;
    const publish = (
      subject: string,
      payload: string | Uint8Array,
      more?: PublishOptions,
    ): void => {
      if (lost++ >= losesAnswers) bus.publish(subject, payload, more);
    };
    const forwarding = new Forwarding({
      nonce: process,
      bus: replacing(bus, { publish }),
      clock: this.clock,
      limits: { ...defaultLimits(1), ...limits },
      subjects,
      ownerOf: () => undefined,
      look: async () => {},
      refuse: () => expect.fail('a receiver refuses nothing'),
    });
    const handled: Request[] = [];
    const arrived: BusMessage[] = [];
    const subscription = bus.subscribe(subjects.host(name), (message) => {
      arrived.push(message);
      forwarding.receive(message, (forwarded) => {
        if (serves) handled.push(forwarded);
        return serves;
      });
    });
    return { handled, arrived, leave: () => subscription.unsubscribe() };
  }

  async pass(ms = 20_000): Promise<void> {
    for (let passed = 0; passed < ms; passed += 25) {
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(25);
    }
  }
}

describe('a forward', () => {
  it('arrives as the request was sent, and is not answered by its sender', async () => {
    const town = new Town();
    const { handled } = town.receiver('bob');
    void town.sender('bob').forward(request, 0);
    await town.pass();
    expect(handled.map((one) => ({ ...one, payload: Buffer.from(one.payload) }))).toEqual([
      request,
    ]);
    expect(town.refused).toEqual([]);
  });

  it('is sent again when its acknowledgement is lost, and carried out once', async () => {
    const town = new Town();
    const { handled, arrived } = town.receiver('bob', { losesAnswers: 2 });
    void town.sender('bob').forward(request, 0);
    await town.pass();
    expect(arrived).toHaveLength(3);
    expect(handled).toHaveLength(1);
    expect(town.refused).toEqual([]);
  });

  it('is carried out once although many others come before it is sent again', async () => {
    const town = new Town();
    const limits = { forwardsMax: 2 };
    const { handled, arrived } = town.receiver('bob', { losesAnswers: 1, limits });
    const sender = town.sender('bob');
    for (let n = 0; n < 6; n++) void sender.forward(request, 0);
    await town.pass();
    expect(arrived).toHaveLength(7);
    expect(handled).toHaveLength(6);
  });

  it('of the same request twice is carried out twice: only the sender knows that it is a repeat', async () => {
    const town = new Town();
    const { handled } = town.receiver('bob');
    const sender = town.sender('bob');
    void sender.forward(request, 0);
    void sender.forward(request, 0);
    await town.pass();
    expect(handled).toHaveLength(2);
  });

  it('to a host that is not the owner any more goes on to the new one', async () => {
    const town = new Town();
    const former = town.receiver('bob', { serves: false });
    const present = town.receiver('cyd');
    town.owner = 'cyd';
    void town.sender('bob').forward(request, 0);
    await town.pass();
    expect(former.arrived).toHaveLength(1);
    expect(present.handled).toHaveLength(1);
    expect(town.refused).toEqual([]);
  });

  it('that nobody takes for five seconds is refused: there is no owner', async () => {
    const town = new Town();
    const { handled } = town.receiver('bob', { serves: false });
    town.owner = 'bob';
    void town.sender('bob').forward(request, 0);
    await town.pass();
    expect(handled).toEqual([]);
    expect(town.looks).toBeGreaterThan(10);
    expect(town.refused).toEqual(['runtime/no-owner']);
  });

  it('for a partition without an owner is refused after another look', async () => {
    const town = new Town();
    void town.sender(undefined).forward(request, 0);
    await town.pass(100);
    expect(town.looks).toBe(1);
    expect(town.refused).toEqual(['runtime/no-owner']);
  });

  it('to a host that is gone is refused at once: nobody has received it', async () => {
    const town = new Town();
    void town.sender('bob').forward(request, 0);
    await town.pass(100);
    expect(town.refused).toEqual(['runtime/no-owner']);
  });

  it.each([
    ['stays silent', false],
    ['stays silent, then is gone', true],
  ])('to a host that %s is neither refused nor sent to another', async (_, goes) => {
    const town = new Town();
    const silent = town.receiver('bob', { losesAnswers: 1_000 });
    const present = town.receiver('cyd');
    town.owner = 'cyd';
    void town.sender('bob').forward(request, 0);
    await town.pass(600);
    if (goes) silent.leave();
    await town.pass();
    expect(silent.handled).toHaveLength(1);
    expect(present.arrived).toEqual([]);
    expect(town.refused).toEqual([]);
  });

  it('goes on to the new owner if the process that was silent at first says it is not its own', async () => {
    const town = new Town();
    const former = town.receiver('bob', { serves: false, losesAnswers: 1 });
    const present = town.receiver('cyd');
    town.owner = 'cyd';
    void town.sender('bob').forward(request, 0);
    await town.pass();
    expect(former.arrived).toHaveLength(2);
    expect(present.handled).toHaveLength(1);
  });

  it('goes to no other if the host was started again since it was sent: it may be carried out', async () => {
    const town = new Town();
    const before = town.receiver('bob', { losesAnswers: 1_000 });
    const present = town.receiver('cyd');
    town.owner = 'cyd';
    void town.sender('bob').forward(request, 0);
    await town.pass(100);
    before.leave();
    const after = town.receiver('bob', { process: 'bob again', serves: false });
    await town.pass();
    expect(before.handled).toHaveLength(1);
    expect(after.arrived).toHaveLength(1);
    expect(present.arrived).toEqual([]);
    expect(town.refused).toEqual([]);
  });

  it('that is larger than the bus carries is refused as too large', async () => {
    const town = new Town();
    town.receiver('bob');
    void town.sender('bob').forward({ ...request, payload: new Uint8Array(2 ** 20 + 1) }, 0);
    await town.pass(100);
    expect(town.refused).toEqual(['request/too-large']);
  });

  it.each(['a b', 'a\tb', 'a'.repeat(4_001)])(
    'whose reply subject would break the connection of who answers is not carried out (%#)',
    async (reply) => {
      const town = new Town();
      const { handled } = town.receiver('bob');
      void town.sender('bob').forward({ ...request, reply }, 0);
      await town.pass();
      expect(handled).toEqual([]);
    },
  );

  it('with a trace that is none is carried out without it', async () => {
    const town = new Town();
    const { handled } = town.receiver('bob');
    void town.sender('bob').forward({ ...request, trace: 'a trace ending in 01' }, 0);
    await town.pass();
    expect(handled.map(({ trace }) => trace)).toEqual([undefined]);
  });

  it('is not given up because the store does not answer for a moment', async () => {
    const town = new Town();
    const { handled } = town.receiver('cyd');
    town.deaf = true;
    void town.sender(undefined).forward(request, 0);
    await town.pass(1_000);
    town.deaf = false;
    town.owner = 'cyd';
    await town.pass();
    expect(handled).toHaveLength(1);
    expect(town.refused).toEqual([]);
  });

  it('is neither carried out nor refused if the store never answers: perhaps there is an owner', async () => {
    const town = new Town();
    const { handled } = town.receiver('cyd');
    town.deaf = true;
    const forward = town.sender(undefined).forward(request, 0);
    await town.pass();
    await forward;
    expect(handled).toEqual([]);
    expect(town.refused).toEqual([]);
  });

  it('beyond as many as may be under way is refused as busy', async () => {
    const town = new Town();
    const { handled } = town.receiver('bob');
    const sender = town.sender('bob', { forwardsMax: 2 });
    for (let n = 0; n < 3; n++) void sender.forward(request, 0);
    expect(town.refused).toEqual(['runtime/busy']);
    await town.pass(100);
    expect(handled).toHaveLength(2);
    void sender.forward(request, 0);
    await town.pass(100);
    expect(handled).toHaveLength(3);
  });

  it('beyond as many bytes as may be under way is refused as busy; one alone never is', async () => {
    const town = new Town();
    const { handled } = town.receiver('bob');
    const sender = town.sender('bob', { forwardsBytesMax: 5 });
    for (let n = 0; n < 2; n++) void sender.forward(request, 0);
    expect(town.refused).toEqual(['runtime/busy']);
    await town.pass(100);
    void sender.forward(request, 0);
    await town.pass(100);
    expect(handled).toHaveLength(2);
  });
});
