import type { Side } from '../../contracts/execution-report.ts';
import { formatUnits, parseUnits, type Units } from '../../contracts/money.ts';
import type { PrintedBook, PrintedLevel } from '../../tools/market/checksum.ts';
import type { OrderCommand } from '../../tools/market/mirror.ts';

interface OpenOrder {
  readonly side: Side;
  readonly price: string;
  readonly total: Units;
  readonly traded: Units;
}

/** One market maker's orders in a list: the plainest book that the mirror's commands can be held against. */
export class NaiveBook {
  readonly #orders = new Map<string, OpenOrder>();

  get size(): number {
    return this.#orders.size;
  }

  make(command: OrderCommand): void {
    switch (command.name) {
      case 'place-order':
        if (this.#crosses(command.side, command.price ?? ''))
          throw new Error('crosses the mirror itself');
        this.#open(command.clOrdId, {
          side: command.side,
          price: command.price ?? '',
          total: lots(command.quantity),
          traded: 0n,
        });
        break;
      case 'replace-order': {
        const { side, traded } = this.#close(command.origClOrdId);
        const total = lots(command.quantity);
        if (total <= traded) throw new Error('order/too-late');
        this.#open(command.clOrdId, { side, price: command.price, total, traded });
        break;
      }
      case 'cancel-order':
        this.#close(command.origClOrdId);
        break;
    }
  }

  /** A taker's IOC order, which must find at its price all that it asks for. */
  take(command: OrderCommand): void {
    if (command.name !== 'place-order') throw new Error('a taker places');
    const side = command.side === 'buy' ? 'sell' : 'buy';
    if (this.#best(side)[0]?.[0] !== command.price) throw new Error('not the best level');
    for (const [clOrdId, order] of this.#orders) {
      if (order.side !== side || order.price !== command.price) continue;
      const traded = order.traded + lots(command.quantity);
      if (traded > order.total) throw new Error('more than the level holds');
      if (traded === order.total) this.#orders.delete(clOrdId);
      else this.#orders.set(clOrdId, { ...order, traded });
    }
  }

  print(): PrintedBook {
    return { asks: this.#best('sell'), bids: this.#best('buy') };
  }

  #open(clOrdId: string, order: OpenOrder): void {
    if (this.#orders.has(clOrdId)) throw new Error('order/duplicate');
    this.#orders.set(clOrdId, order);
  }

  #close(clOrdId: string): OpenOrder {
    const order = this.#orders.get(clOrdId);
    if (order === undefined) throw new Error('order/unknown');
    this.#orders.delete(clOrdId);
    return order;
  }

  #crosses(side: Side, price: string): boolean {
    const best = this.#best(side === 'buy' ? 'sell' : 'buy')[0]?.[0];
    if (best === undefined) return false;
    return side === 'buy' ? Number(price) >= Number(best) : Number(price) <= Number(best);
  }

  #best(side: Side): PrintedLevel[] {
    const direction = side === 'buy' ? -1 : 1;
    return [...this.#orders.values()]
      .filter((order) => order.side === side)
      .map(({ price, total, traded }): PrintedLevel => [price, formatUnits(total - traded, 8)])
      .toSorted((a, b) => direction * (Number(a[0]) - Number(b[0])));
  }
}

const lots = (quantity: string): Units => parseUnits(quantity, 8) ?? 0n;
