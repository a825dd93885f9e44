/**
 * The protocols of a transfer: the statecharts that its events follow, and what each protocol calls
 * its phases. docs/transfers.md says what they promise; the diagrams in docs/transfer-charts.md are
 * drawn from these machines.
 *
 * The events are the same in all, as are the messages (messages.ts): the payer asks, the payee
 * answers, the payer decides once, and the payee carries it out. Only `choreography` has no decision
 * of the payer: the money itself goes to the payee, who keeps it or sends it back.
 */
import { setup } from 'xstate';
import type { TransferEvent, TransferProtocol } from '../../contracts/transfer.ts';
import { chartOf, type Chart } from './chart.ts';

/** A participant's phases; null where it has nothing to do. */
export interface Phases {
  readonly first: string;
  readonly done: string | null;
  readonly undone: string | null;
}

/** What there is to know about a protocol. */
export interface Protocol {
  /** The transfer as its payer sees it. */
  readonly chart: Chart;
  readonly payer: Phases;
  readonly payee: Phases;
  /** What it calls the two decisions. */
  readonly decisions: { readonly done: string; readonly undone: string };
}

const { createMachine } = setup({ types: { events: {} as TransferEvent } });
const rejected = { type: 'final' } as const;

/** The statecharts of the paying account, by protocol. */
export const payerMachines = {
  tcc: createMachine({
    id: 'tcc',
    initial: 'new',
    states: {
      new: { on: { 'transfer-begun': 'trying', 'transfer-rejected': 'rejected' } },
      rejected,
      /** The payer's amount is held; the payee is asked whether it takes it. */
      trying: {
        on: {
          'transfer-sent': 'confirming',
          'transfer-refused': 'canceled',
          'transfer-expired': 'canceling',
        },
      },
      confirming: { on: { 'transfer-settled': 'confirmed' } },
      canceling: { on: { 'transfer-answered': 'canceling', 'transfer-settled': 'canceled' } },
      confirmed: { type: 'final' },
      canceled: { type: 'final' },
    },
  }),
  saga: createMachine({
    id: 'saga',
    initial: 'new',
    states: {
      new: { on: { 'transfer-begun': 'admitting', 'transfer-rejected': 'rejected' } },
      rejected,
      /** Step 1, debit, is done; step 2: the payee admits the transfer. Either can be compensated. */
      admitting: {
        on: {
          'transfer-sent': 'crediting',
          'transfer-refused': 'compensated',
          'transfer-expired': 'compensating',
        },
      },
      /** The pivot is passed: step 3, credit, is asked for until it is done. */
      crediting: { on: { 'transfer-settled': 'completed' } },
      /** In reverse order: void at the payee, then refund, which needs no answer. */
      compensating: {
        on: { 'transfer-answered': 'compensating', 'transfer-settled': 'compensated' },
      },
      completed: { type: 'final' },
      compensated: { type: 'final' },
    },
  }),
  '2pc': createMachine({
    id: '2pc',
    initial: 'new',
    states: {
      new: { on: { 'transfer-begun': 'preparing', 'transfer-rejected': 'rejected' } },
      rejected,
      /** The payer has prepared and voted yes; the payee's vote is out. */
      preparing: {
        on: {
          'transfer-sent': 'committing',
          'transfer-refused': 'aborted',
          'transfer-expired': 'aborting',
        },
      },
      committing: { on: { 'transfer-settled': 'committed' } },
      aborting: { on: { 'transfer-answered': 'aborting', 'transfer-settled': 'aborted' } },
      committed: { type: 'final' },
      aborted: { type: 'final' },
    },
  }),
  choreography: createMachine({
    id: 'choreography',
    initial: 'new',
    states: {
      new: { on: { 'transfer-begun': 'debited', 'transfer-rejected': 'rejected' } },
      rejected,
      /** The money is on its way; the payee credits it or sends it back. */
      debited: { on: { 'transfer-sent': 'credited', 'transfer-refused': 'refunded' } },
      credited: { type: 'final' },
      refunded: { type: 'final' },
    },
  }),
} as const;

/** The statechart of the paid account, for every protocol. */
export const payeeMachine = createMachine({
  id: 'payee',
  initial: 'unknown',
  states: {
    unknown: {
      on: {
        'transfer-admitted': 'admitted',
        'transfer-voided': 'voided',
        // A choreography asks nothing first.
        'transfer-received': 'received',
      },
    },
    /** It takes the money whatever happens, and cannot be closed. */
    admitted: { on: { 'transfer-received': 'received', 'transfer-voided': 'voided' } },
    received: { type: 'final' },
    /** Also the tombstone of a transfer that was undone before it was asked for. */
    voided: { type: 'final' },
  },
});

const compensated = { done: 'complete', undone: 'compensate' } as const;

/** Each protocol's chart and words. */
export const protocols: { readonly [name in TransferProtocol]: Protocol } = {
  tcc: {
    chart: chartOf(payerMachines.tcc),
    payer: { first: 'try', done: 'confirm', undone: 'cancel' },
    payee: { first: 'try', done: 'confirm', undone: 'cancel' },
    decisions: { done: 'confirm', undone: 'cancel' },
  },
  saga: {
    chart: chartOf(payerMachines.saga),
    payer: { first: 'debit', done: null, undone: 'refund' },
    payee: { first: 'admit', done: 'credit', undone: 'void' },
    decisions: compensated,
  },
  '2pc': {
    chart: chartOf(payerMachines['2pc']),
    payer: { first: 'prepare', done: 'commit', undone: 'abort' },
    payee: { first: 'prepare', done: 'commit', undone: 'abort' },
    decisions: { done: 'commit', undone: 'abort' },
  },
  choreography: {
    chart: chartOf(payerMachines.choreography),
    payer: { first: 'debit', done: null, undone: 'refund' },
    payee: { first: 'credit', done: null, undone: null },
    decisions: compensated,
  },
};

/** What the payee's chart makes of an event. */
export const payeeChart: Chart = chartOf(payeeMachine);
