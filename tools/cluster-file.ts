import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const ClusterFile = z.object({ nats: z.string(), redis: z.string(), prefix: z.string() });

/** The addresses of the cluster that runs on a data folder, as `up` and `start` leave them there. */
export function readClusterFile(data: string): z.infer<typeof ClusterFile> {
  const file = join(data, 'cluster.json');
  try {
    return ClusterFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new Error(`No cluster runs here (${file} is missing). Start one with npm start.`, {
      cause,
    });
  }
}
