import { z } from 'zod';

/** More partitions no cluster has. */
export const partitionsMax = 1_024;

/** What a cluster is created with; stored in Redis, never changed, checked by every host at start. */
export const ClusterSettings = z.strictObject({
  id: z.string(),
  partitions: z.number().int().min(1).max(partitionsMax),
  scales: z.strictObject({
    byAsset: z.record(z.string(), z.number().int().min(0).max(18)),
    others: z.number().int().min(0).max(18),
  }),
});
export type ClusterSettings = z.infer<typeof ClusterSettings>;
