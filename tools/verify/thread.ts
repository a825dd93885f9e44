/** One thread of a verification: what `threads.ts` starts. */
import { parentPort, workerData } from 'node:worker_threads';
import { progressMs } from '../progress.ts';
import { systemClock } from '../../runtime/system-clock.ts';
import { verifyShare, type Share } from './share.ts';
import type { Said } from './threads.ts';

const say = (said: Said): void => parentPort?.postMessage(said);
const share: Share = workerData;

let told = systemClock.monotonic();
const verified = await verifyShare(share, (records) => {
  if (systemClock.monotonic() - told < progressMs) return;
  told = systemClock.monotonic();
  say({ kind: 'progress', records });
});
say({ kind: 'verified', verified });
