/** A symbol's history in words. */
import type { AcceptedEvent, SymbolEvent } from '../contracts/symbol-events.ts';
import type { Words } from './actor.ts';

export const symbolWords: Words<SymbolEvent> = { event: happened, asked };

function asked(event: SymbolEvent): string | undefined {
  switch (event.type) {
    case 'listed':
    case 'replicating':
    case 'replication-joined':
      return 'list, halt or resume';
    case 'halted':
      return 'halt';
    case 'resumed':
      return 'resume';
    case 'accepted':
      return `submit ${event.orderId}`;
    case 'canceled':
      return `cancel ${event.orderId}`;
    case 'replacing':
      return `replace ${event.orderId}`;
    case 'trade':
    case 'replaced':
    case 'replication-confirmed':
      return undefined;
  }
}

function happened(event: SymbolEvent): string {
  switch (event.type) {
    case 'listed':
      return `listed ${event.base} for ${event.quote}, tick ${event.tickSize}, lot ${event.lotSize}`;
    case 'halted':
    case 'resumed':
      return event.type;
    case 'accepted':
      return acceptedText(event);
    case 'trade':
      return `trade ${event.execId}: ${event.quantity} at ${event.price}, ${event.takerOrderId} took from ${event.makerOrderId}`;
    case 'canceled':
      return `canceled ${event.orderId} (${event.reason}): ${event.quantity}`;
    case 'replacing':
      return `replacing ${event.orderId}: ${event.quantity} at ${event.price}`;
    case 'replaced':
      return `replaced ${event.orderId}: ${event.quantity} at ${event.price}`;
    case 'replicating':
      return `telling ${event.partitions} partitions that it is ${event.status}`;
    case 'replication-joined':
      return 'one more command waits for that';
    case 'replication-confirmed':
      return 'one more partition knows';
  }
}

function acceptedText({ orderId, side, quantity, price, timeInForce, account }: AcceptedEvent) {
  const of = account === undefined ? '' : ` of ${account}`;
  return `accepted ${orderId}${of}: ${side} ${quantity} at ${price ?? 'market'}, ${timeInForce}`;
}
