/** What NATS lets a connection do, asked by doing it. */
import { Events, type NatsConnection } from 'nats';

/** Whether a user may do things; each answer comes from the server itself. */
export interface Permissions {
  mayPublish(subject: string): Promise<boolean>;
  maySubscribe(subject: string): Promise<boolean>;
}

/** Nobody may use a subject that begins with this. */
const forbidden = 'nobody-may';

/**
 * A violation is told in order and no permission is: so each try is followed by one that is certainly
 * refused, and when that refusal comes the other would have come.
 */
export function permissionsOf(connection: NatsConnection): Permissions {
  const violations: string[] = [];
  let heard = (): void => {};
  void (async () => {
    for await (const { type, permissionContext } of connection.status()) {
      if (type !== Events.Error || permissionContext === undefined) continue;
      violations.push(permissionContext.subject);
      heard();
    }
  })();
  let tries = 0;
  const tried = async (attempt: () => void): Promise<boolean> => {
    const before = violations.length;
    attempt();
    const sentinel = `${forbidden}.${++tries}`;
    connection.publish(sentinel);
    while (!violations.includes(sentinel)) await new Promise<void>((resolve) => (heard = resolve));
    return violations.length === before + 1;
  };
  return {
    mayPublish: (subject) => tried(() => connection.publish(subject, 'not JSON')),
    maySubscribe: (subject) =>
      tried(() => void connection.subscribe(subject, { callback: () => {} })),
  };
}
