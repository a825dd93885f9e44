/** How the process is: its event loop and its memory, as metrics. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Family } from './prometheus.ts';

const nanosPerSecond = 1e9;
const resolutionMs = 20;

const windowMs = 10_000;

export interface ProcessWatch {
  gauges(): Family[];
  end(): void;
}

/** Begins to watch. A long pause is told for ten seconds at least, and not for ever after. */
export function watchProcess(): ProcessWatch {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  let before = { median: 0, latest: 0 };
  const timer = setInterval(() => {
    before = { median: delay.percentile(50), latest: delay.max };
    delay.reset();
  }, windowMs).unref();
  const seconds = (nanos: number): number =>
    Math.max(0, nanos / nanosPerSecond - resolutionMs / 1_000);
  const late = (quantile: string, nanos: number) => ({
    labels: { quantile },
    value: seconds(nanos),
  });
  return {
    gauges: () => {
      const { heapUsed, rss } = process.memoryUsage();
      return [
        {
          type: 'gauge',
          name: 'millrace_event_loop_delay_seconds',
          help: 'How late timers were: the median of ten seconds, and the latest of the last twenty.',
          samples: [
            late('0.5', before.median),
            late('1', Math.max(before.latest, delay.count > 0 ? delay.max : 0)),
          ],
        },
        memory('heap', heapUsed),
        memory('resident', rss),
      ];
    },
    end: () => {
      clearInterval(timer);
      delay.disable();
    },
  };
}

const memory = (what: string, value: number): Family => ({
  type: 'gauge',
  name: `millrace_process_${what}_bytes`,
  help: `The process's ${what} memory.`,
  samples: [{ value }],
});
