import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { prometheusText } from '../../tools/telemetry/prometheus.ts';
import { recorder } from '../../tools/telemetry/recorder.ts';
import { watchHost } from '../../tools/telemetry/host-watch.ts';

const { cache } = createRequire(import.meta.url);
const isLoaded = (): boolean =>
  Object.keys(cache).some((file) => file.includes('/@opentelemetry/sdk-node/'));

test('OpenTelemetry is loaded only when the environment names an exporter or an endpoint', async () => {
  const watch = (environment: Record<string, string>) =>
    watchHost({ name: 'one', prefix: 'millrace', healthPort: 0, environment });
  for (const nothing of [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
  ]) {
    const { tracer, meter } = await watch(nothing);
    expect({ tracer, meter }).toEqual({ tracer: undefined, meter: undefined });
  }
  expect(isLoaded()).toBe(false);
  const watched = await watch({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9' });
  expect(watched.tracer).toBeDefined();
  expect(watched.meter).toBeUndefined();
  expect(isLoaded()).toBe(true);
  await watched.close();
});

test('what is measured is counted in the buckets that Prometheus reads', () => {
  const meter = recorder();
  meter.appended(1, 0.4);
  meter.appended(3, 7_000);
  meter.answered('account', 'deposit', undefined, 1);
  meter.answered('account', 'deposit', 'runtime/busy', 1);
  meter.answered('account', 'deposit', undefined, 1);
  const lines = prometheusText(meter.families()).split('\n');
  const about = (name: string): string[] => lines.filter((line) => line.startsWith(name));
  expect(about('millrace_commands_total')).toEqual([
    'millrace_commands_total{type="account",name="deposit",outcome="ok"} 2',
    'millrace_commands_total{type="account",name="deposit",outcome="runtime/busy"} 1',
  ]);
  expect(about('millrace_group_records')).toEqual([
    'millrace_group_records_bucket{le="1"} 1',
    'millrace_group_records_bucket{le="2"} 1',
    ...[4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, '+Inf'].map(
      (bound) => `millrace_group_records_bucket{le="${bound}"} 2`,
    ),
    'millrace_group_records_sum 4',
    'millrace_group_records_count 2',
  ]);
  const appends = about('millrace_append_seconds_bucket');
  expect(appends).toContain('millrace_append_seconds_bucket{le="0.0003"} 0');
  expect(appends).toContain('millrace_append_seconds_bucket{le="0.001"} 1');
  expect(appends).toContain('millrace_append_seconds_bucket{le="5"} 1');
  expect(appends.at(-1)).toBe('millrace_append_seconds_bucket{le="+Inf"} 2');
});

test('a label is quoted, whatever it says', () => {
  const samples = [{ labels: { reason: 'a "b"\\\n' }, value: 1 }];
  const text = prometheusText([{ type: 'gauge', name: 'x', help: 'X.', samples }]);
  expect(text).toBe('# HELP x X.\n# TYPE x gauge\nx{reason="a \\"b\\"\\\\\\n"} 1\n');
});
