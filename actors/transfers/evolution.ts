/** What the events of transfers add up to: the only place that changes a book of transfers. */
import { parseUnits, scaleOf, type Scales, type Units } from '../../contracts/money.ts';
import type { TransferEvent } from '../../contracts/transfer.ts';
import type { Balance } from '../balances.ts';
import {
  completedKept,
  incomingEndedKept,
  incomingKey,
  refusedKept,
  type TransferBook,
} from './book.ts';
import { payeeChart, protocols } from './protocols.ts';
import { finished, type FinishedTransfer, type SentTransfer } from './sent.ts';

/** The account, as far as transfers change it. */
export interface Books {
  readonly book: TransferBook;
  /** Its funds of an asset, to be changed. */
  fundsOf(asset: string): Balance;
}

/** Moves an account by one event of a transfer, in place. */
export function evolveTransfer(books: Books, event: TransferEvent, scales: Scales): void {
  const unitsOf = ({ asset, amount }: { asset: string; amount: string }): Units => {
    const units = parseUnits(amount, scaleOf(scales, asset));
    if (units === undefined) throw new Error(`${amount} ${asset} is too precise`);
    return units;
  };
  const { book, fundsOf } = books;
  switch (event.type) {
    case 'transfer-begun': {
      const transfer = begin(event);
      const funds = fundsOf(event.asset);
      funds.available -= unitsOf(event);
      if (funds.available < 0n) throw new Error(`transfer ${event.transferId} is not covered`);
      if (transfer.protocol === 'choreography') {
        book.awaited.set(transfer.transferId, transfer);
      } else {
        funds.held += unitsOf(event);
        book.undecided.set(transfer.transferId, transfer);
      }
      return;
    }
    case 'transfer-rejected': {
      const transfer = begin(event);
      Object.assign(transfer, { decided: event.time, ended: event.time, code: event.code });
      return finish(book, transfer);
    }
    case 'transfer-sent': {
      const transfer = decide(book, event);
      if (transfer.protocol !== 'choreography') fundsOf(transfer.asset).held -= unitsOf(transfer);
      transfer.answered = true;
      return wait(book, transfer, event.time);
    }
    case 'transfer-refused':
    case 'transfer-expired': {
      const transfer = decide(book, event);
      const funds = fundsOf(transfer.asset);
      funds.available += unitsOf(transfer);
      if (transfer.protocol !== 'choreography') funds.held -= unitsOf(transfer);
      transfer.answered = event.type === 'transfer-refused';
      transfer.code = event.type === 'transfer-refused' ? event.code : 'transfer/expired';
      transfer.askedLate = transfer.answered && transfer.code === 'transfer/expired';
      return wait(book, transfer, event.time);
    }
    case 'transfer-answered':
      step(book, event).answered = true;
      return;
    case 'transfer-settled': {
      const transfer = step(book, event);
      transfer.outOfOrder = !transfer.answered;
      return wait(book, transfer, event.time);
    }
    case 'transfer-admitted': {
      const { transferId, from, asset, amount, reference } = event;
      arrive(book, event);
      book.admitted.set(incomingKey(event), { from, transferId, asset, amount, reference });
      return;
    }
    case 'transfer-received':
      endIncoming(book, event);
      fundsOf(event.asset).available += unitsOf(event);
      return;
    case 'transfer-voided':
      return endIncoming(book, event);
  }
}

type Of<Type extends TransferEvent['type']> = Extract<TransferEvent, { type: Type }>;

function begin(event: Of<'transfer-begun' | 'transfer-rejected'>): SentTransfer {
  const { transferId, protocol, to, asset, amount, reference, deadline } = event;
  const { chart } = protocols[protocol];
  return {
    transferId,
    protocol,
    to,
    asset,
    amount,
    reference,
    begun: event.time,
    deadline,
    state: chart.next(chart.initial, event.type),
    answered: false,
    decided: undefined,
    ended: undefined,
    code: undefined,
    outOfOrder: false,
    askedLate: false,
  };
}

/** The transfer, moved by an event of its protocol. */
function step(book: TransferBook, event: { type: string; transferId: string }): SentTransfer {
  const { transferId } = event;
  const transfer = book.undecided.get(transferId) ?? book.awaited.get(transferId);
  if (!transfer) throw new Error(`transfer ${transferId} is not under way`);
  transfer.state = protocols[transfer.protocol].chart.next(transfer.state, event.type);
  return transfer;
}

function decide(
  book: TransferBook,
  event: { type: string; transferId: string; time: number },
): SentTransfer {
  const transfer = step(book, event);
  transfer.decided = event.time;
  return transfer;
}

/** Puts a decided transfer where its state belongs. */
function wait(book: TransferBook, transfer: SentTransfer, time: number): void {
  book.undecided.delete(transfer.transferId);
  if (protocols[transfer.protocol].chart.isFinal(transfer.state)) {
    book.awaited.delete(transfer.transferId);
    transfer.ended = time;
    finish(book, transfer);
  } else {
    book.awaited.set(transfer.transferId, transfer);
  }
}

const isRefused = ({ refused }: FinishedTransfer): boolean => refused;
const isCompleted = ({ refused }: FinishedTransfer): boolean => !refused;

function finish(book: TransferBook, transfer: SentTransfer): void {
  const ended = finished(transfer);
  book.finished.set(transfer.transferId, ended);
  if (ended.refused) {
    book.refused++;
    const all = { kept: refusedKept, of: book.refused, which: isRefused };
    book.refused -= forget(book.finished, all);
  } else {
    const completed = book.finished.size - book.refused;
    forget(book.finished, { kept: completedKept, of: completed, which: isCompleted });
  }
}

/** The state of an incoming transfer after an event. */
function arrive(
  { admitted, incomingEnded }: TransferBook,
  event: { type: string; from: string; transferId: string },
): string {
  const key = incomingKey(event);
  const state = admitted.has(key) ? 'admitted' : (incomingEnded.get(key) ?? payeeChart.initial);
  return payeeChart.next(state, event.type);
}

function endIncoming(book: TransferBook, event: Of<'transfer-received' | 'transfer-voided'>): void {
  const state = arrive(book, event);
  const key = incomingKey(event);
  book.admitted.delete(key);
  book.incomingEnded.set(key, state);
  const { incomingEnded } = book;
  forget(incomingEnded, { kept: incomingEndedKept, of: incomingEnded.size, which: () => true });
}

interface Remembered<T> {
  readonly kept: number;
  /** How many there are. */
  readonly of: number;
  readonly which: (one: T) => boolean;
}

/**
 * Forgets the oldest of these if there are too many; says how many. A tenth at a time: taken off one by
 * one, the front of a map is all gaps to be skipped.
 */
function forget<T>(map: Map<string, T>, { kept, of, which }: Remembered<T>): number {
  const spare = Math.ceil(kept / 10);
  if (of <= kept + spare) return 0;
  let left = spare;
  for (const [key, one] of map) {
    if (left === 0) break;
    if (!which(one)) continue;
    map.delete(key);
    left--;
  }
  return spare - left;
}
