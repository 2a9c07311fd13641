'use client';

import { type CSSProperties, type RefObject, useEffect, useRef, useState } from 'react';
import { formatCount, formatDuration, parseSeq } from '../format.ts';
import panel from '../panel.module.css';
import { formatLocalTime, useEverySecond } from '../time.tsx';
import type { ChartNote, Palette } from './draw.ts';
import { describeRecord, type FeedRecord, formatLatency, recordMs, sumUpLatencies } from './record.ts';
import styles from './ribbon.module.css';

/** The drawing is loaded after the page is live: what it draws needs minutes, and the first events are in the page already. */
const loadDrawing = () => import('./draw.ts');

/** Time between two drawings, in ms: the ribbon moves by less than half a pixel; a chart changes once a second. */
const ribbonIntervalMs = 100;
const chartIntervalMs = 1_000;

/** Time between two texts for screen readers, in ms. */
const describeIntervalMs = 10_000;

type Drawing = typeof import('./draw.ts');

/** What is drawn, with what, and on what. */
type Draw = (on: {
  readonly drawing: Drawing;
  readonly element: HTMLCanvasElement;
  readonly palette: Palette;
  readonly markedX: number | null;
  readonly isStill: boolean;
}) => void;

/**
 * Draws on a canvas again and again while it is in view, and at once when its reader marks another place of it: with the
 * pointer, or with the arrow keys while it has the focus.
 */
function useDrawing(canvas: RefObject<HTMLCanvasElement | null>, intervalMs: number, draw: Draw): void {
  const latest = useRef(draw);
  useEffect(() => {
    latest.current = draw;
  });
  useEffect(() => {
    const { current: element } = canvas;
    if (element === null) return;
    const ended = new AbortController();
    const { signal } = ended;
    const reduced = matchMedia('(prefers-reduced-motion: reduce)');
    let drawing: Drawing | null = null;
    let markedX: number | null = null;
    let isInView = true;
    let palette: Palette | null = null;
    let paletteAt = 0;
    let frame = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const update = () => {
      if (drawing === null || !isInView) return;
      const now = performance.now();
      // An app may change its theme by a class, which nothing reports. Reading the colours takes as long as drawing.
      if (palette === null || now - paletteAt >= chartIntervalMs) {
        palette = drawing.readPalette(element);
        paletteAt = now;
      }
      latest.current({ drawing, element, palette, markedX, isStill: reduced.matches });
      // A frame is asked for only when something is drawn: each one costs the browser about a millisecond.
      timer = setTimeout(request, reduced.matches ? Math.max(intervalMs, chartIntervalMs) : intervalMs);
    };
    const request = () => {
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(update);
    };
    const recolor = () => {
      palette = null;
      request();
    };
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolor, { signal });
    const mark = (x: number | null) => {
      markedX = x;
      request();
    };
    for (const name of ['pointermove', 'pointerdown'] as const) {
      element.addEventListener(name, (event) => mark(event.offsetX), { signal });
    }
    for (const name of ['pointerleave', 'blur'] as const) {
      element.addEventListener(name, () => mark(null), { signal });
    }
    const onKey = (event: KeyboardEvent) => {
      const sheet = drawing?.openSheet(element) ?? null;
      if (drawing === null || sheet === null || event.altKey || event.ctrlKey || event.metaKey) return;
      const next = drawing.moveMark(sheet, markedX, event.key);
      if (next === undefined) return;
      event.preventDefault();
      mark(next);
    };
    element.addEventListener('keydown', onKey, { signal });
    const observer = new IntersectionObserver(([seen]) => {
      isInView = seen?.isIntersecting === true;
      if (isInView) request();
    });
    observer.observe(element);
    loadDrawing().then(
      (loaded) => {
        drawing = loaded;
        if (!signal.aborted) request();
      },
      // Without the file nothing is drawn; the figures and the list are there.
      () => undefined,
    );
    return () => {
      ended.abort();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      observer.disconnect();
    };
  }, [canvas, intervalMs]);
}

type RibbonProps = {
  readonly record: FeedRecord;
  /** Events in the list after the filter, and before it. */
  readonly shown: number;
  readonly loaded: number;
  readonly handovers: number;
  /** Streams that were lost. */
  readonly lost: number;
  /** Events that are gone: their number, and whether it may be higher. */
  readonly missed: number;
  readonly isMissedExact: boolean;
  readonly cursor: string | null;
};

/** The axis says the length of the ribbon in steps of so many seconds. */
const axisStep = 5;

/** The last minutes as a strip: each stream, each poll, each event, and each gap. Below it the figures. */
export function Ribbon({ record, shown, loaded, ...figures }: RibbonProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [seconds, setSeconds] = useState<number | null>(null);
  useDrawing(canvas, ribbonIntervalMs, ({ drawing, element, palette, isStill }) => {
    const sheet = drawing.openSheet(element);
    if (sheet === null) return;
    const openMs = isStill ? Number.POSITIVE_INFINITY : record.now() - record.openedAt;
    const shownSeconds = drawing.ribbonSeconds(sheet.width, openMs);
    setSeconds(Math.round(shownSeconds / axisStep) * axisStep);
    const span = drawing.spanAt(record.now(), shownSeconds, isStill);
    drawing.drawRibbon(sheet, record, span, palette);
  });
  const span = seconds === null ? '' : formatDuration(seconds).replace(' 0 s', '');
  return (
    <section aria-labelledby="continuity" className={`${panel.panel} ${styles.continuity}`}>
      <h2 className={panel.title}>
        <span id="continuity">Continuity</span>
        <LatestLatency record={record} />
      </h2>
      <canvas className={styles.ribbon} ref={canvas}>
        <Description record={record} seconds={seconds} />
      </canvas>
      <p aria-hidden="true" className={styles.axis}>
        <span>{span && `−${span}`}</span>
        <span>now</span>
      </p>
      <Figures {...figures} loaded={loaded} shown={shown} />
    </section>
  );
}

/** The ribbon in words. A browser gives the content of a canvas to screen readers, and shows it to nobody else. */
function Description({ record, seconds }: { readonly record: FeedRecord; readonly seconds: number | null }) {
  const [text, setText] = useState('');
  useEffect(() => {
    if (seconds === null) return;
    const describe = () => setText(describeRecord(record, record.now() - seconds * 1_000));
    describe();
    const timer = setInterval(describe, describeIntervalMs);
    return () => clearInterval(timer);
  }, [record, seconds]);
  return seconds === null ? null : <p>{`In the last ${formatDuration(seconds)}: ${text}.`}</p>;
}

/** Seconds over which the latency is summed up. */
const latencySeconds = 60;

function LatestLatency({ record }: { readonly record: FeedRecord }) {
  const text = useEverySecond(
    () => {
      const now = record.now();
      const latencies = sumUpLatencies(record, now - latencySeconds * 1_000, now);
      return latencies === null
        ? ''
        : `p50 ${formatLatency(latencies.medianMs)} · worst ${formatLatency(latencies.worstMs)}`;
    },
    () => '',
  );
  return <span className={panel.note}>{text && `latency ${text}`}</span>;
}

type FiguresProps = Omit<RibbonProps, 'record'>;

/** The figures of the feed since the page was opened. */
function Figures({ shown, loaded, handovers, lost, missed, isMissedExact, cursor }: FiguresProps) {
  const seq = parseSeq(cursor);
  const figures = [
    ['Shown', shown === loaded ? formatCount(shown) : `${formatCount(shown)} of ${formatCount(loaded)}`, ''],
    [
      'Missing',
      isMissedExact ? formatCount(missed) : missed > 0 ? `${formatCount(missed)}+` : 'some',
      missed > 0 || !isMissedExact ? styles.bad : styles.good,
    ],
    ['Handovers', formatCount(handovers), ''],
    ['Streams lost', formatCount(lost), ''],
    ['Cursor', seq === null ? '–' : `#${formatCount(seq)}`, ''],
  ] as const;
  return (
    <dl className={styles.figures}>
      {figures.map(([name, value, look], index) => (
        <div className={index < 3 ? styles.figure : `${styles.figure} ${styles.detail}`} key={name}>
          <dt>{name}</dt>
          <dd
            className={`${styles.value} ${look}`}
            title={name === 'Cursor' && cursor !== null ? cursor : undefined}
          >
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Two charts of the last five minutes: how many events of which type, and how late. */
export function Charts({ record }: { readonly record: FeedRecord }) {
  return (
    <>
      <Chart draw="drawRates" name="Events" record={record} unit="per second" words="per second" />
      <Chart draw="drawLatency" name="Latency" record={record} unit="" words="from the log to this page" />
    </>
  );
}

type ChartProps = {
  readonly name: string;
  /** What follows the name where there is space for it. */
  readonly unit: string;
  /** What it shows, for screen readers. */
  readonly words: string;
  readonly draw: 'drawRates' | 'drawLatency';
  readonly record: FeedRecord;
};

const emptyNote: ChartNote = { at: null, sum: '', parts: [] };

/** A chart, and below it its figures: those of the last minute, or those at the place that the reader marks. */
function Chart({ name, unit, words, draw, record }: ChartProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [note, setNote] = useState(emptyNote);
  useDrawing(canvas, chartIntervalMs, ({ drawing, element, palette, markedX }) => {
    const sheet = drawing.openSheet(element);
    if (sheet === null) return;
    const next = drawing[draw](sheet, record, palette, markedX);
    setNote((current) => (textOf(current) === textOf(next) ? current : next));
  });
  const agoMs = note.at === null ? 0 : record.now() - note.at;
  const time = note.at === null ? '' : formatLocalTime(Date.now() - agoMs);
  const figures = note.parts.map((part) => `${part.name} ${part.value}`).join(', ') || 'none';
  return (
    <section aria-label={name} className={`${panel.panel} ${styles.chart}`} data-chart="" data-half="">
      <h2 className={panel.title}>
        <span className={styles.chartName}>
          {name} <span className={styles.unit}>{unit}</span>
        </span>
        <span className={panel.note}>
          {time} <span className={styles.sum}>{note.sum}</span>
        </span>
      </h2>
      <canvas
        aria-label={`${name} in the last ${recordMs / 60_000} minutes, ${words}`}
        aria-valuemax={0}
        aria-valuemin={-recordMs / 1_000}
        aria-valuenow={-Math.round(agoMs / 1_000)}
        aria-valuetext={`${time || 'the last minute'}: ${figures}`}
        className={styles.plot}
        ref={canvas}
        role="slider"
        tabIndex={0}
      />
      <p className={styles.legend}>
        {note.parts.map((part) => (
          <span
            className={styles.legendPart}
            key={part.name}
            style={{ '--mark': `var(${part.color})` } as CSSProperties}
          >
            {part.name} <span className={styles.legendValue}>{part.value}</span>
          </span>
        ))}
      </p>
    </section>
  );
}

function textOf({ at, parts }: ChartNote): string {
  return JSON.stringify([at, parts]);
}

/** Shortest time between two announcements, in ms. On a busy feed a screen reader would otherwise never be silent. */
const announceEveryMs = 20_000;

/** Tells a screen reader from time to time how many events have arrived. */
export function Announcer({ record }: { readonly record: FeedRecord }) {
  const [text, setText] = useState('');
  useEffect(() => {
    let announced = record.total();
    const timer = setInterval(() => {
      const count = record.total() - announced;
      if (count === 0) return;
      announced += count;
      setText(`${formatCount(count)} new ${count === 1 ? 'event' : 'events'}`);
    }, announceEveryMs);
    return () => clearInterval(timer);
  }, [record]);
  return (
    <p aria-live="polite" className={styles.announcer}>
      {text}
    </p>
  );
}
