/** A verification shared by as many threads as there are cores, each with some of the partitions. */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Share } from './share.ts';
import type { Verified } from './verify.ts';

/** What a thread says. */
export type Said =
  | { readonly kind: 'progress'; readonly records: number }
  | { readonly kind: 'verified'; readonly verified: Verified };

/** Each thread keeps a page of every log, and the actors of its own partitions. */
const threadsMax = 8;
/** What a replay leaves lives for a page: with Node's default it would be copied twice before it dies. */
const maxYoungGenerationSizeMb = 64;
const shownMax = 20;

/** Beside this file, and what this file is: TypeScript in a clone, JavaScript in the package. */
const program = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url);

/** Rejects if one of the threads does. */
export async function verifyInThreads(
  share: Share,
  onProgress: (records: number) => void,
): Promise<Verified> {
  const { partitions } = share.settings;
  const wanted = share.only ?? Array.from({ length: partitions }, (_, partition) => partition);
  const threads = Math.max(1, Math.min(availableParallelism(), threadsMax, wanted.length));
  const records = Array.from({ length: threads }, () => 0);
  const parts = records.map((_, thread) => {
    const only = wanted.filter((_each, at) => at % threads === thread);
    return inThread({ ...share, only }, (count) => {
      records[thread] = count;
      onProgress(records.reduce((sum, each) => sum + each, 0));
    });
  });
  return together(await Promise.all(parts));
}

function inThread(share: Share, onProgress: (records: number) => void): Promise<Verified> {
  const resourceLimits = { maxYoungGenerationSizeMb };
  const worker = new Worker(program, { workerData: share, resourceLimits });
  return new Promise((resolve, reject) => {
    worker.on('message', (said: Said) => {
      if (said.kind === 'progress') onProgress(said.records);
      else resolve(said.verified);
    });
    worker.on('error', reject);
    worker.on('exit', (status) => reject(new Error(`a thread ended with status ${status}`)));
  });
}

function together(parts: readonly Verified[]): Verified {
  const sum = (of: 'records' | 'judged' | 'unknown' | 'snapshots' | 'live' | 'differences') =>
    parts.reduce((all, part) => all + part[of], 0);
  return {
    records: sum('records'),
    judged: sum('judged'),
    unknown: sum('unknown'),
    snapshots: sum('snapshots'),
    live: sum('live'),
    notes: [...new Set(parts.flatMap(({ notes }) => notes))],
    differences: sum('differences'),
    first: parts.flatMap(({ first }) => first).slice(0, shownMax),
  };
}
