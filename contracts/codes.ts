/**
 * Every code a refusal can carry, with its status and what its reader should do. Codes are stable:
 * one is added, never changed. `docs/codes.md` is generated from this table.
 *
 * Status 400, 404, 429, 503 and `runtime/halted` are never recorded and leave a command id unused.
 * A 409 refusal and `runtime/quarantined` are outcomes: recorded, and they burn the id; the three
 * marked `unrecorded` tell of an earlier use of the id and change nothing.
 */
export const codes = {
  'request/malformed': {
    status: 400,
    message: 'The request is not as the contract says. Correct it and send it again.',
  },
  'request/too-large': { status: 400, message: 'The request is larger than the limit. Split it.' },
  'money/not-positive': { status: 400, message: 'The amount must be above zero.' },
  'money/too-precise': {
    status: 400,
    message: "The amount has more decimals than the asset's scale.",
  },
  'money/too-large': { status: 400, message: 'The amount is larger than can be held.' },

  'runtime/unknown-type': {
    status: 404,
    message: 'There is no actor type of this name. Check the subject.',
  },
  'runtime/unknown-command': {
    status: 404,
    message: 'This actor type has no such command or query. Check the subject.',
  },
  'runtime/wrong-partition': {
    status: 400,
    message:
      'This actor lives in another partition. Send it there, or use the single-command subject.',
  },
  'runtime/id-conflict': {
    status: 409,
    unrecorded: true,
    message: 'This command id was used with another payload. Use a new id for a new command.',
  },
  'runtime/stale-command': {
    status: 409,
    unrecorded: true,
    message:
      'This UUIDv7 id is older than the window. Look up what became of it; use a new id for a new command.',
  },
  'runtime/already-applied': {
    status: 409,
    unrecorded: true,
    message: 'This command was applied earlier; its reply has left the log. Query the state.',
  },
  'runtime/busy': {
    status: 429,
    message: 'Nothing was done. Send it again with the same id after a pause.',
  },
  'runtime/no-owner': {
    status: 503,
    message: 'The partition has no owner at present. Send it again with the same id.',
  },
  'runtime/pending': {
    status: 503,
    message: 'The outcome is not known yet. Ask again with the same id.',
  },
  'runtime/quarantined': {
    status: 500,
    message: 'The actor failed on this command; nothing was changed and the command was set aside.',
  },
  'runtime/halted': {
    status: 500,
    message:
      'The actor or its partition is halted after repeated failures. An operator must look at it.',
  },

  'dead-letter/unknown': {
    status: 404,
    message: 'There is no such dead letter: it was retried, or too many came after it.',
  },

  'history/missing': {
    status: 404,
    message: 'Part of this history is neither in the log nor in the archive that its host reads.',
  },

  'account/unknown': {
    status: 409,
    message: 'The account does not exist. Its first deposit opens it.',
  },
  'account/insufficient-funds': {
    status: 409,
    message: 'The available balance does not cover this.',
  },
  'account/frozen': { status: 409, message: 'The account is frozen. Unfreeze it first.' },
  'account/closed': { status: 409, message: 'The account is closed for good. Use another.' },
  'account/not-empty': {
    status: 409,
    message: 'The account still has money, holds or open orders. Empty it first.',
  },
  'account/too-many-assets': {
    status: 409,
    message: 'The account holds as many assets as are allowed. Use another account.',
  },
  'account/too-many-orders': {
    status: 409,
    message: 'The account has as many open orders as are allowed. Cancel some first.',
  },
  'account/too-many-holds': {
    status: 409,
    message: 'The account has as many open holds as are allowed. Capture or release some first.',
  },

  'account/balance-limit': {
    status: 409,
    message: 'The balance would become larger than an account can hold. Use another account.',
  },
  'account/too-many-transfers': {
    status: 409,
    message: 'The account waits for as many transfers as are allowed. Try again with a new id.',
  },

  'transfer/same-account': { status: 409, message: 'Payer and payee are the same account.' },
  'transfer/expired': { status: 409, message: 'The transfer passed its deadline and was undone.' },
  'transfer/unknown': {
    status: 409,
    message: 'The account has sent no such transfer, or so many since that it is forgotten.',
  },

  'reversal/unknown': {
    status: 409,
    message: 'At this address the account has no deposit, withdrawal or completed transfer.',
  },
  'reversal/done': {
    status: 409,
    message: 'The entry was reversed, or its reversal is under way.',
  },
  'reversal/too-many': {
    status: 409,
    message: 'The account has reversed as many entries as are allowed. Use another account.',
  },

  'hold/unknown': { status: 409, message: 'There is no such hold.' },
  'hold/duplicate': { status: 409, message: 'This hold id was used. Choose another.' },
  'hold/exceeds': { status: 409, message: 'The amount is larger than the hold.' },
  'hold/captured': { status: 409, message: 'The hold was captured already.' },
  'hold/released': { status: 409, message: 'The hold was released already.' },
  'hold/expired': { status: 409, message: 'The hold has expired.' },

  'symbol/unknown': { status: 409, message: 'The symbol is not listed.' },
  'symbol/halted': {
    status: 409,
    message: 'The symbol is halted and takes only cancels. Wait for it to resume.',
  },
  'symbol/exists': {
    status: 409,
    message: 'The symbol is listed already with another definition.',
  },
  'symbol/settlement': {
    status: 409,
    message:
      'Orders reach this symbol the other way: through accounts if it settles there, by submit if it does not.',
  },

  'order/unknown': { status: 409, message: 'No such order is open.' },
  'order/duplicate': { status: 409, message: 'This order id is in use. Choose another.' },
  'order/off-tick': {
    status: 409,
    message: "The price is not a multiple of the symbol's tickSize.",
  },
  'order/off-lot': {
    status: 409,
    message: "The quantity is not a multiple of the symbol's lotSize.",
  },
  'order/would-cross': { status: 409, message: 'The post-only order would have traded at once.' },
  'order/protection-required': { status: 409, message: 'A market buy needs a protectionPrice.' },
  'order/above-protection': { status: 409, message: 'The price is above the protectionPrice.' },
  'order/too-late': {
    status: 409,
    message: 'The order has already traded as much as the new quantity.',
  },
} as const satisfies Record<string, CodeEntry>;

interface CodeEntry {
  readonly status: 400 | 404 | 409 | 429 | 500 | 503;
  readonly unrecorded?: true;
  readonly message: string;
}

export type Code = keyof typeof codes;

export const isCode = (text: string): text is Code => Object.hasOwn(codes, text);

/** The status of a code: the table's, or 409 for the codes of a user's own actors. */
export const statusOf = (code: string): number => (isCode(code) ? codes[code].status : 409);

/** Only these two say "send it again with the same id". */
export const isRetryable = (code: string): boolean => {
  const status = statusOf(code);
  return status === 429 || status === 503;
};

/** Whether a refusal with this code is an outcome that goes into the log and burns the command id. */
export function isRecorded(code: string): boolean {
  if (code === 'runtime/quarantined') return true;
  return statusOf(code) === 409 && !(isCode(code) && 'unrecorded' in codes[code]);
}
