import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mappedSubject } from '../../../contracts/subjects.ts';
import { memoryHub } from '../../../runtime/memory/bus.ts';
import { natsBus } from '../../../runtime/nats/bus.ts';
import { startNats, type RunningServer } from '../../../tools/servers.ts';
import { Dice } from '../../../tools/sim/dice.ts';
import { Life } from '../../../tools/sim/life.ts';
import { SimulatedNats } from '../../../tools/sim/nats.ts';
import { Schedule } from '../../../tools/sim/schedule.ts';
import { Trace } from '../../../tools/sim/trace.ts';
import { fairWeather } from '../../../tools/sim/weather.ts';
import { extent, timeout } from './agreement.ts';
import { busScripts, type Step } from './bus-scripts.ts';
import { playBus, type Network, type Outcome } from './buses.ts';

const prefix = 'x';
const partitions = 8;
const dayMs = 86_400_000;

let dir: string;
let server: RunningServer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-nats-'));
  server = await startNats({ dir, partitions, prefix });
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

/** A real server: only where it is known that nobody answers does a request wait in vain. */
function realNetwork(): Network {
  let reports = 0;
  const onError = (): void => void reports++;
  return {
    connect: () => natsBus({ url: server.url, name: 'agreement', onError }),
    reported: () => reports,
    patienceMs: (isAnswered) => (isAnswered ? 10_000 : 5),
  };
}

function hubNetwork(schedule: Schedule): Network {
  let reports = 0;
  const hub = memoryHub({
    clock: {
      after: (ms, callback) => schedule.after(ms, callback),
      soon: (callback) => void schedule.after(0, callback),
    },
    onError: () => void reports++,
    mapping: (subject) => mappedSubject(subject, prefix, partitions),
  });
  return {
    connect: async () => hub.connect(),
    reported: () => reports,
    patienceMs: () => 1_000,
  };
}

function simulatedNetwork(schedule: Schedule): Network {
  const trace = new Trace(schedule);
  const options = { schedule, trace, dice: new Dice('agreement'), weather: () => fairWeather };
  const nats = new SimulatedNats({ ...options, prefix, mapped: partitions });
  let connections = 0;
  return {
    connect: async () => nats.connect(new Life(`client ${++connections}`, schedule)),
    reported: () => trace.lines.filter((line) => line.includes('nats   error')).length,
    patienceMs: () => 1_000,
  };
}

/** Plays a script on a simulated clock, to its end. */
async function simulated(open: (schedule: Schedule) => Network, script: Step[]): Promise<Outcome> {
  const schedule = new Schedule();
  let outcome: Outcome | undefined;
  const playing = playBus(open(schedule), script, () => true).then((heard) => (outcome = heard));
  await schedule.until(() => outcome !== undefined, dayMs);
  if (outcome === undefined) throw new Error('the script does not come to its end');
  return playing;
}

describe('the buses agree', () => {
  test.each([
    ['in memory', hubNetwork],
    ['in the simulator', simulatedNetwork],
  ])('random scripts come out the same %s and on a NATS server', { timeout }, async (_, open) => {
    const agree = async (script: Step[]): Promise<void> => {
      const one = await simulated(open, script);
      const isAnswered = (request: number): boolean => one.requests[request] !== 'RequestTimeout';
      expect(await playBus(realNetwork(), script, isAnswered)).toEqual(one);
    };
    await fc.assert(fc.asyncProperty(busScripts.script, agree), {
      ...extent,
      examples: busScripts.kept.map((steps) => [steps]),
    });
  });
});
