/** Whether replicas have what was written: the `WAIT` of Redis. */
import type { Connection } from './connection.ts';
import { integer } from './replies.ts';

/** Resolves when enough replicas have all that this connection was answered so far, or false when they have not in time. */
export type Replicated = () => Promise<boolean>;

/** A replica that needs longer is one that cannot be counted on. */
const patienceMs = 2_000;

/**
 * For `replicas` of them; with none everything is there at once. WAIT covers whatever this
 * connection was answered before, reads and repeats too, and Redis answers a connection in order:
 * so all who ask while one WAIT is under way share it.
 */
export function replicatedTo(replicas: number, connection: Connection): Replicated {
  if (replicas === 0) return async () => true;
  let waiting: Promise<boolean> | undefined;
  return () => {
    waiting ??= connection
      .call('wait', [`${replicas}`, `${patienceMs}`])
      .then((count) => integer(count) >= replicas)
      .finally(() => (waiting = undefined));
    return waiting;
  };
}
