/** Our single durable commands beside those of another durable engine, interleaved in one run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { closedLoop, type Send } from './loops.ts';
import { measure, medianRow } from './measure.ts';
import { installPeer, peerVersions, startPeer } from './peer-server.ts';
import { machine } from './processes.ts';
import { headline, ratio, table, whole } from './report.ts';
import type { CommandRow, PeerResults } from './results.ts';
import { startStage } from './stage.ts';
import { deposit, nextId } from './workloads.ts';

export interface PeerOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

const accounts = 1_000;
/** The peer gets each of these, and is judged by what is best for it. */
const peerUnderWay = [64, 128, 256, 512];
const oursUnderWay = 256;

/** Runs it and prints what came out. */
export async function measurePeer({ rounds, seconds, json }: PeerOptions): Promise<void> {
  const folder = await installPeer();
  const before = machine();
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'millrace-peer-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const peer = await startPeer(folder, dir, stack);
  const stage = stack.use(await startStage({ hosts: 1, partitions: 16 }));
  const processes = { ...stage.processes, server: [peer.server], service: [peer.service] };
  const both = { ...stage, processes };
  const contestants: readonly (readonly [name: string, send: Send, underWay: number])[] = [
    ['single deposit', deposit(stage.connection, accounts), oursUnderWay],
    ...peerUnderWay.map(
      (underWay) =>
        [`peer, ${underWay} under way`, peerDeposit(peer.ingress, underWay), underWay] as const,
    ),
  ];
  const collected = new Map<string, CommandRow[]>();
  // The first round only warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, send, underWay] of contestants) {
      const loop = () => closedLoop({ send, underWay, seconds });
      const row = await measure(both, name, loop);
      if (round > 0) collected.set(name, [...(collected.get(name) ?? []), row]);
      if (!json) console.error(`round ${round}: ${name}: ${whole(row.perSecond)}/s`);
      await pause(500);
    }
  }
  const [ours, ...peers] = [...collected.values()].map(medianRow);
  if (ours === undefined) throw new Error('nothing was measured');
  const run = { before, after: machine(), versions: peerVersions };
  const results: PeerResults = { kind: 'peer', ...run, ours, peers };
  console.log(json ? JSON.stringify(results, null, 2) : print(results));
}

/** One deposit by an HTTP request with an idempotency key; connections are kept. */
function peerDeposit(ingress: string, underWay: number): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: underWay });
  const body = '{"amount":"100"}';
  return (n) =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': body.length,
        'idempotency-key': nextId(),
      };
      const url = `${ingress}/account/a${(n * 7919) % accounts}/deposit`;
      const asked = request(url, { method: 'POST', agent, headers }, (answer) => {
        answer.on('error', reject);
        answer.on('end', () => resolve(answer.statusCode === 200 ? 1 : 0));
        answer.resume();
      });
      asked.on('error', reject);
      asked.end(body);
    });
}

function print(results: PeerResults): string {
  const { ours, peers, versions } = results;
  const best = peers.toSorted((a, b) => b.perSecond - a.perSecond)[0] ?? ours;
  const parts = ['hosts', 'redis', 'nats', 'service', 'server', 'generator'];
  const cells = (row: CommandRow): string[] => [
    row.name,
    whole(row.perSecond),
    row.p50.toFixed(1),
    row.p99.toFixed(1),
    whole(row.failed),
    ...parts.map((part) => (row.cpu[part] ?? 0).toFixed(0)),
    row.others.toFixed(2),
  ];
  const own = (row: CommandRow): number =>
    parts.reduce((sum, part) => sum + (part === 'generator' ? 0 : (row.cpu[part] ?? 0)), 0);
  const units = parts.map((part) => `µs ${part}`);
  return [
    headline(results),
    `peer: ${Object.entries(versions)
      .map((pair) => pair.join(' '))
      .join(', ')}`,
    '',
    table([
      ['', 'per second', 'p50 ms', 'p99 ms', 'failed', ...units, 'others'],
      ...[ours, ...peers].map(cells),
    ]),
    '',
    `single deposit / ${best.name}: ${ratio(ours.perSecond, best.perSecond)}`,
    `processor time without the generator, ${best.name} / single deposit: ` +
      `${own(best).toFixed(0)} µs / ${own(ours).toFixed(0)} µs = ${ratio(own(best), own(ours))}`,
    '',
    notes,
  ].join('\n');
}

const notes = `\
How to read it. Both add to a balance that is kept durably, for ids that are drawn evenly from 1,000, by
requests of which each carries an id and is answered when its effect is safe; both fsync before that. The
peer is Restate with its defaults: one node, one replica, 24 partitions, a service in TypeScript on the
same Node, called through HTTP/2; requests reach it by HTTP/1.1 on kept connections. It answers a repeat
for a day, ours for 15 minutes. It does more than is asked of it here (any code may be made durable, step
by step; calls to other services) and less (no log that can be read, no proof of the sums); this compares
one command, not two products. Rounds are interleaved after one that warms up; the figures are of the
median round; the first ratio is to the peer's best row, and falls when other programs
take a core; the second hardly depends on them. Each side is idle while the other is measured, apart
from what it does by itself in the background.`;
