/**
 * Faults that could have been made, each a change of the sources: the simulator must find them. They
 * are applied while a test process loads the modules, so nothing of them is in the product. A change
 * of the code that one of them names fails `planted.test.ts`: write the fault anew, as it would be
 * made now.
 */
export interface PlantedFault {
  readonly name: string;
  /** Text that stands in a file exactly once, and what stands there instead. */
  readonly edits: readonly Edit[];
}

export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const plant = (
  name: string,
  ...edits: readonly (readonly [string, string, string])[]
): PlantedFault => ({
  name,
  edits: edits.map(([file, from, to]) => ({ file, from, to })),
});

const memory = { log: 'runtime/memory/log.ts', leases: 'runtime/memory/leases.ts' };
const stillOwner = `owner?.epoch === epoch && owner.nonce === nonce ? owner : undefined`;

const lostOnly = `if (owner === undefined) return 'fenced';`;

/** A partition that went wrong is built again under the fence that it had. */
const anewInTheSameEpoch = [
  'runtime/placement.ts',
  `this.#drop(ownership);
    await this.#free(ownership);
  }

  #drop`,
  `await ownership.door.leave();
    ownership.end();
    const known = await this.#options.leases.ownerOf(partition).catch(() => undefined);
    if (known === undefined) return this.#free(ownership);
    const anew = new Ownership(this.#ownershipOptions, ownership.fence);
    await this.#opened(anew, known.group, () =>
      anew.open(known.group, { ...known, sentAt: this.#options.clock.monotonic() }),
    ).catch(() => undefined);
  }

  #drop`,
] as const;

export const plantedFaults: readonly PlantedFault[] = [
  // One writer.
  plant('the fence is off', [
    'runtime/memory/partition-store.ts',
    stillOwner,
    'owner && { ...owner, epoch: Math.min(epoch, owner.epoch), nonce }',
  ]),
  plant('snapshots are not fenced', [
    memory.log,
    `if (ownerUnder(store, fence) === undefined) return 'fenced';
    for (const snapshot`,
    'for (const snapshot',
  ]),
  plant('a new owner keeps the epoch of the last', [
    memory.leases,
    'Math.max(owner?.epoch ?? 0, entries.at(-1)?.epoch ?? 0) + 1',
    'Math.max(owner?.epoch ?? 0, entries.at(-1)?.epoch ?? 0, 1)',
  ]),

  plant('memory is dropped without a new epoch', anewInTheSameEpoch),
  plant(
    'memory is dropped without a new epoch, and "already" is told by ids alone',
    anewInTheSameEpoch,
    [memory.log, 'owner.top === top && owner.token === token', 'owner.top >= top'],
  ),
  plant(
    'a log that has lost its end goes unnoticed',
    [memory.log, 'if (owner.top !== after || !endsBelow', 'if (!endsBelow'],
    ['runtime/log-watch.ts', 'if (found < known) onWentBack', 'if (found < 0) onWentBack'],
  ),

  // Group commit.
  plant('a group of unknown fate is sent again under another token', [
    'runtime/group-writer.ts',
    'return await log.append(group);',
    'return await log.append({ ...group, token: `${group.token}.${sendings}` });',
  ]),
  plant('a reply goes out before its record is durable', [
    'runtime/group-writer.ts',
    'const outcome = await this.#append(group);',
    `this.#options.events.onDurable(records, entryId(fence.epoch, this.#durable + 1));
    const outcome = await this.#append(group);`,
  ]),
  plant('a group of unknown fate is taken for written', [
    'runtime/group-writer.ts',
    'if (this.#closed) return undefined;\n',
    `return 'ok';\n`,
  ]),

  // Commands once.
  plant('ids are not remembered', [
    'runtime/recall.ts',
    'if (key === undefined) return isNew;',
    'if (key !== undefined) return isNew;\n    if (key === undefined) return isNew;',
  ]),
  plant('only the latest ids are remembered', [
    'runtime/recall.ts',
    'return durable.length > 0 ?',
    'return durable.length > 1e9 ?',
  ]),
  plant('a command under way is not recalled', [
    'runtime/recall.ts',
    "if (pending) return { kind: 'under-way'",
    "if (pending?.position === 0) return { kind: 'under-way'",
  ]),
  plant('a command in a group under way is not recalled', [
    'runtime/recall.ts',
    'staged.record.id === id)',
    "staged.record.id === '')",
  ]),
  plant('an id is enough, whatever the payload', [
    'runtime/turn.ts',
    'return known.hash === command.hash ? known : refuse',
    'return known.hash !== undefined ? known : refuse',
  ]),
  plant('recovery forgets the sealed ids', [
    'runtime/recovery.ts',
    'recall.table.load(bytes);',
    'if (bytes.length === 0) recall.table.load(bytes);',
  ]),
  plant('recovery forgets the pending commands of its checkpoint', [
    'runtime/recovery.ts',
    'for (const command of checkpoint.pending) recall.restorePending(command);',
    'if (checkpoint.position < 0) recall.expire();',
  ]),

  plant('a batch that is repeated leaves out some of its commands', [
    'runtime/client-batch.ts',
    'const open = piece.filter((entry) => entry.outcome === undefined);',
    `const open = piece.filter(
      (entry, index) => entry.outcome === undefined && (index === 0 || entry.why === undefined),
    );`,
  ]),
  plant('the replies to a repeated batch are given to its first commands', [
    'runtime/client-batch.ts',
    'for (const [index, entry] of open.entries()) settle(line, entry, replies[index]);',
    'for (const [index, entry] of piece.entries()) settle(line, entry, replies[index]);',
  ]),
  plant('commands with several events are not kept', [
    'runtime/drafts.ts',
    'events.length === 0 || this.#options.keepCommands === true',
    'events.length === 0 || (events.length === 1 && this.#options.keepCommands === true)',
  ]),

  // Messages once and in order.
  plant('messages are applied again when they come again', [
    'runtime/inbox.ts',
    'const first = messages.findIndex((message) => message.n === applied + 1);',
    'const first = messages.findIndex((message) => message.n > 0 || message.n === applied + 1);',
  ]),
  plant(
    'a delivery is acknowledged before it is durable',
    [
      'runtime/inbox.ts',
      'return this.#durable.get(from) ?? nothing;',
      'return this.#applied.get(from) ?? nothing;',
    ],
    [
      'runtime/intake.ts',
      'return new Promise((resolve) => reads.after(() => resolve(inbox.received(from))));',
      'return Promise.resolve(inbox.received(from));',
    ],
  ),
  plant('messages leave before their record is durable', [
    'runtime/turn.ts',
    'if (record.out) outbox.commit(record.out, position);',
    `if (record.out) outbox.commit(record.out, position);
    if (record.out) outbox.durable({ position, record, text, callers }, \`\${this.#options.epoch}-\${position}\`);`,
  ]),
  plant('a new owner counts its channels from the beginning', [
    'runtime/recovery.ts',
    'outbox.load(checkpoint.outgoing);',
    'if (checkpoint.position < 0) outbox.load(checkpoint.outgoing);',
  ]),
  plant('a new owner forgets what its channels have brought', [
    'runtime/recovery.ts',
    'inbox.load(checkpoint.incoming);',
    'if (checkpoint.position < 0) inbox.load(checkpoint.incoming);',
  ]),
  plant('a message is dropped when a channel that it needs is full', [
    'runtime/turn.ts',
    'const waits = supervision.mustWait(message.to, from.partition);',
    `if (this.#options.outbox.anyFull) {
      inbox.staged(from);
      return;
    }
    const waits = supervision.mustWait(message.to, from.partition);`,
  ]),
  plant('a channel sends what is beyond a lost delivery', [
    'runtime/outbox.ts',
    'if (received === undefined) {\n        channel.sending = false;',
    'if (received === undefined) {\n        channel.unacknowledged.shift();\n        channel.sending = false;',
  ]),
  plant('checkpoints count on messages that are not acknowledged', [
    'runtime/checkpoint.ts',
    'readFrom: Math.min(oldest ?? position + 1, position + 1),',
    'readFrom: Math.max(oldest ?? 0, position + 1),',
  ]),

  // Answers that rest on state.
  plant('queries are answered without a check of the fence', [
    'runtime/admission.ts',
    'this.#parts.reads.after(() => answer(caller, reply));',
    'this.#parts.writer.whenDurable(this.#parts.writer.staged, () => answer(caller, reply));',
  ]),
  plant('queries are answered before what they saw is durable', [
    'runtime/admission.ts',
    'this.#parts.reads.after(() => answer(caller, reply));',
    'answer(caller, reply);',
  ]),

  // Snapshots, checkpoints, memory.
  plant('snapshots are written of what is not durable', [
    'runtime/snapshots.ts',
    'if (!(await writer.settled()) || this.#closed || snapshots.length === 0) return;',
    'if (this.#closed || snapshots.length === 0) return;',
  ]),
  plant('checkpoints do not wait for their snapshots', [
    'runtime/checkpoint.ts',
    'await snapshots.writeAll(',
    'void snapshots.writeAll(',
  ]),
  plant('an actor leaves memory without a snapshot', [
    'runtime/residents.ts',
    'if (resident.version > resident.savedVersion || resident.used) return false;',
    'if (resident.used) return false;',
  ]),
  plant('an actor is built from its snapshot alone', [
    'runtime/resident.ts',
    'if (record.version <= version) continue;',
    'if (record.version <= version || snapshot) continue;',
  ]),
  plant('the log is trimmed above what its events need', [
    'runtime/retention.ts',
    'Math.min(recoveryFloor(), this.#replies.floor, publisher.confirmed + 1)',
    'Math.max(recoveryFloor(), this.#replies.floor, publisher.confirmed + 1)',
  ]),
  plant('reference data is not part of a checkpoint', [
    'runtime/recovery.ts',
    'reference.load(checkpoint.reference);',
    'if (checkpoint.position < 0) reference.load(checkpoint.reference);',
  ]),
  plant('the time of records goes back with the clock', [
    'runtime/turn.ts',
    'return Math.max(this.#time, this.#options.clock.now(), atLeast);',
    'return Math.max(this.#options.clock.now(), atLeast);',
  ]),

  // Events.
  plant('events are published before they are durable', [
    'runtime/turn.ts',
    'this.#time = record.time;\n    if (record.out)',
    `const { partition, epoch, publisher } = this.#options;
    publisher.durable(record, recordAddress(partition, epoch, position), position);
    this.#time = record.time;
    if (record.out)`,
  ]),
  plant('what was handed to the bus counts as published', [
    'runtime/publisher.ts',
    'return this.#confirmed;',
    'return this.#published;',
  ]),
  plant('nothing is published again after a reconnection', [
    'runtime/publisher.ts',
    'this.#published = this.#confirmed;\n    this.#repeats++;',
    'this.#repeats++;',
  ]),

  // Consumer groups.
  plant('a consumer acknowledges what it is given before it has dealt with it', [
    'runtime/seat-reader.ts',
    'if (entry.n > 0) this.#waiting.push(entry);\n    else this.acknowledge(entry);',
    'if (entry.n > 0) this.#waiting.push(entry);\n    this.acknowledge(entry);',
  ]),
  plant('a group is given what comes next, whatever its reader knows of', [
    'runtime/memory/group-reads.ts',
    `if (compareEntries(found.delivered, after) !== 0) return 'moved';`,
    '',
  ]),
  plant('a new holder of a seat does not ask for what the last one had in hand', [
    'runtime/seat-reader.ts',
    'this.#delivered = delivered;',
    `this.#delivered = delivered;
    if (this.#repeatedTo === logStart) this.#repeatedTo = delivered;`,
  ]),
  plant('the log is trimmed whatever its consumer groups need', [
    memory.log,
    'const cut = leaveBehind ? wanted',
    'const cut = !leaveBehind || leaveBehind ? wanted',
  ]),
  plant('nobody is told of a consumer group that is left behind', [
    'runtime/retention.ts',
    'if (this.#leftBehind.has(group)) return;',
    "if (group !== '' || this.#leftBehind.has(group)) return;",
  ]),

  // Actors.
  plant(
    'a judgement remembers what it has judged',
    [
      'actors/account.ts',
      'if (available + held + units > unitsMax) return reject',
      "if (judged++ % 5 === 4) return reject('account/frozen');\n  if (available + held + units > unitsMax) return reject",
    ],
    [
      'actors/account.ts',
      'type Account = State<AccountContext>;',
      'type Account = State<AccountContext>;\nlet judged = 0;',
    ],
  ),
  plant('a snapshot leaves something out', [
    'actors/account-snapshot.ts',
    'for (const [request, counts] of saved.cancelAlls) account.cancelAlls.set(request, counts);',
    '',
  ]),
  plant('a hold outlives its order', [
    'actors/account-evolution.ts',
    'hold(account, order, -heldBy(order));',
    'if (order.cumQuantity === 0) hold(account, order, -heldBy(order));',
  ]),
  plant('a settlement makes money', [
    'actors/account-evolution.ts',
    'fundsOf(account, assetReceived(order)).available += received;',
    'fundsOf(account, assetReceived(order)).available += received + (received % 7n === 3n ? 1n : 0n);',
  ]),

  plant('an entry that was reversed can be reversed again', [
    'actors/reversals/reversal.ts',
    'if (reversals?.done.has(of) || reversals?.reclaims.has(of))',
    'if (reversals?.reclaims.has(of))',
  ]),
  plant('a transfer is given back without the money', [
    'actors/reversals/reversal.ts',
    '{ send: [{ to, name: reclaimAnswer, body: { of }, value }] }',
    '{ send: [{ to, name: reclaimAnswer, body: { of } }] }',
  ]),

  // What actors fail on.
  plant('a retry that is asked for again runs again', [
    'runtime/retries.ts',
    'id: retryId(this.#address(at)),',
    'id: `${retryId(this.#address(at))} ${this.#options.writer.staged}`,',
  ]),
  plant('what was set aside is forgotten with its owner', [
    'runtime/supervision.ts',
    'for (const one of parked) this.#park(one);',
    'for (const one of parked.slice(1)) this.#park(one);',
  ]),
  plant('a message overtakes those that are parked', [
    'runtime/supervision.ts',
    '(parked) => parked.from.partition === from) ?? false;',
    '(parked) => parked.from.partition === from && parked.at.position < 0) ?? false;',
  ]),

  // Calls that land late.
  plant(
    'a hand-over that lands late counts, although the owner has opened another queue group',
    [memory.leases, `if (owner?.group !== group) return 'fenced';`, lostOnly],
    [
      'runtime/succession.ts',
      'onOwned(joined.group);',
      'onOwned(given.group);\n      if (given.group !== joined.group) await ownership.door.enter(given.group);',
    ],
  ),
  plant('a hand-over is carried out whoever owns by then', [
    memory.leases,
    `const owner = ownerUnder(store, fence);
    if (owner?.group !== group) return 'fenced';`,
    `const { owner } = store;
    ${lostOnly}`,
  ]),
  plant('a checkpoint that lands late counts as the latest', [
    memory.log,
    `if (position < owner.checkpoint) return 'ok';`,
    '',
  ]),

  // Placement.
  plant('an owner and its successor both hear every request', [
    'runtime/door.ts',
    'bus.subscribe(subject, (message) => this.#take(message), group),',
    'bus.subscribe(subject, (message) => this.#take(message), group && undefined),',
  ]),
  plant('what waits for a hand-over is forgotten', [
    'runtime/door.ts',
    'for (const message of waiting) this.#options.onMessage(message);',
    'for (const message of waiting.slice(1)) this.#options.onMessage(message);',
  ]),
  plant('forwards are not remembered', [
    'runtime/forwarding.ts',
    'const accepted = known || handle(request);',
    'const accepted = handle(request) || known;',
  ]),
  plant(
    'what is written after the last look at a log that is followed is not read',
    [
      'runtime/follower.ts',
      'const partition = await this.#upToDate();',
      'const partition = this.#partition ?? (await this.#upToDate());',
    ],
    [
      'runtime/recovery.ts',
      'this.#stretchMs = stretchMs.ending;',
      'this.#stretchMs = stretchMs.ending;\n    if (this.#begun) this.#next = top + 1;',
    ],
  ),
  plant('callers of pending commands are forgotten by a new owner', [
    'runtime/recall.ts',
    "subject !== '' && inTime ? [callerOf(subject, time, trace)] : [];",
    "subject !== '' && subject === 'nobody' && inTime ? [callerOf(subject, time, trace)] : [];",
  ]),
];
