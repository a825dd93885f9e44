import type { JsonObject } from '../contracts/json.ts';

/**
 * The body of a published event. In the log an event's `type` is its own, and that of its order
 * stands beside it as `orderType`; the subject names the event, so the body may say `type` again.
 */
export function publishedOrder(event: { readonly type: string }): JsonObject {
  const { type: _, orderType, ...body } = event as JsonObject;
  return orderType === undefined ? body : { type: orderType, ...body };
}
