import type { TransferReport } from '../../contracts/transfer.ts';
import { protocols, type Phases } from './protocols.ts';
import type { SentTransfer } from './sent.ts';

type Participant = TransferReport['participants'][number];
type Phase = Participant['first'];

/** The phase table of a transfer, from its state. */
export function transferReport(transfer: SentTransfer): TransferReport {
  const { protocol, reference, code, decided, ended } = transfer;
  const { payer, payee, decisions } = protocols[protocol];
  return {
    transferId: transfer.transferId,
    status: decided === undefined ? 'pending' : code === undefined ? 'completed' : 'refused',
    protocol,
    to: transfer.to,
    asset: transfer.asset,
    amount: transfer.amount,
    ...(reference !== undefined && { reference }),
    ...(code !== undefined && { code }),
    decision: decided === undefined ? null : code === undefined ? decisions.done : decisions.undone,
    outOfOrder: transfer.outOfOrder,
    participants: [payerPhases(transfer, payer), payeePhases(transfer, payee)],
    times: {
      begun: transfer.begun,
      deadline: transfer.deadline,
      ...(decided !== undefined && { decided }),
      ...(ended !== undefined && { ended }),
    },
  };
}

/** The payer's own phases are part of the records that begin and decide: never sent and unanswered. */
function payerPhases(transfer: SentTransfer, phases: Phases): Participant {
  if (transfer.state === 'rejected') return notSent('payer', phases);
  const second = secondOf(transfer, phases);
  return {
    role: 'payer',
    first: { phase: phases.first, status: 'answered' },
    second: { phase: second, status: second === null ? 'not sent' : 'answered' },
  };
}

function payeePhases(transfer: SentTransfer, phases: Phases): Participant {
  if (transfer.state === 'rejected') return notSent('payee', phases);
  return {
    role: 'payee',
    first: { phase: phases.first, status: transfer.answered ? 'answered' : 'sent' },
    second: payeeSecond(transfer, secondOf(transfer, phases)),
  };
}

/** A payee that has refused keeps nothing that would have to be undone. */
function payeeSecond({ code, askedLate, ended }: SentTransfer, phase: string | null): Phase {
  const refused = code !== undefined && (askedLate || code !== 'transfer/expired');
  if (phase === null || refused) return { phase, status: 'not sent' };
  return { phase, status: ended === undefined ? 'sent' : 'answered' };
}

const secondOf = ({ decided, code }: SentTransfer, { done, undone }: Phases): string | null => {
  if (decided === undefined) return null;
  return code === undefined ? done : undone;
};

const notSent = (role: Participant['role'], { first }: Phases): Participant => ({
  role,
  first: { phase: first, status: 'not sent' },
  second: { phase: null, status: 'not sent' },
});
