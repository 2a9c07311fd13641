import { countText } from './figures.ts';
import type { Pulse, PulseSecond } from './pulse.ts';
import styles from './pulse-charts.module.css';
import { Spark } from './spark.tsx';
import { useSecond } from './use-second.ts';

/** The last minute: how many events came, and how long the slowest of each second was on its way. */
export function PulseCharts({ pulse }: { readonly pulse: Pulse }) {
  const json = useSecond(
    () => JSON.stringify(pulse.seconds()),
    () => '[]',
  );
  const seconds: readonly PulseSecond[] = JSON.parse(json);
  const counts = seconds.map(({ count }) => count);
  const lags = seconds.map(({ slowestMs }) => slowestMs);
  const lastLag = lags.findLast((lag) => lag !== null) ?? null;
  return (
    <div className={styles.charts}>
      <Spark
        most={countText(Math.max(0, ...counts))}
        name="Events per second"
        now={countText(counts.at(-1) ?? 0)}
        values={counts}
      />
      <Spark
        most={lagText(Math.max(0, ...lags.map((lag) => lag ?? 0)))}
        name="Latency"
        now={lastLag === null ? '–' : lagText(lastLag)}
        values={lags}
      />
    </div>
  );
}

/** 240 → `240 ms`, 12_300 → `12.3 s`. */
function lagText(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${countText(Math.round(ms / 100) / 10)} s`;
}
