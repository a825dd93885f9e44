import { z } from 'zod';

/** Sizes on the wire: bytes, and the commands of one batch. */
export const wireLimits = {
  bodyBytesMax: 64 * 1024,
  batchCommandsMax: 1_000,
  batchBytesMax: 1024 * 1024,
  batchReplyBytesMax: 900 * 1024,
  pageBytesMax: 900 * 1024,
} as const;

/** One command of a batch; `actor` is needed (and allowed) only in `millrace.part.<n>.batch`. */
export const BatchCommand = z.strictObject({
  id: z.string().optional(),
  actor: z.string().optional(),
  name: z.string(),
  body: z.unknown().optional(),
});
export type BatchCommand = z.infer<typeof BatchCommand>;

/** The envelope is checked here; each command is then judged on its own. */
export const BatchRequest = z.strictObject({
  commands: z.array(z.unknown()).min(1).max(wireLimits.batchCommandsMax),
});
