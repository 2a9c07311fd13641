import {
  bucketMs,
  countEvents,
  type FeedRecord,
  formatLatency,
  recordMs,
  sumUpLatencies,
  typeColor,
} from './record.ts';

/** What is drawn with, from the tokens of `globals.css`. */
export type Palette = {
  readonly types: readonly string[];
  readonly lanes: readonly [string, string];
  readonly poll: string;
  readonly lost: string;
  readonly text: string;
  readonly muted: string;
  readonly border: string;
  readonly font: string;
};

/** A canvas that is ready to be drawn on. Its unit is a sixteenth of the page's text size: 1 px, and more on a wall. */
type Sheet = {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Length of the unit in CSS pixels. */
  readonly unitPx: number;
};

/** A part of the record: what one drawing shows, by the record's clock. */
export type TimeSpan = { readonly from: number; readonly to: number };

/** Pixels for one second of the ribbon, and the least and most seconds that it shows when it has its full length. */
const pixelsPerSecond = 4;
const minSeconds = 75;
const maxSeconds = 240;

/** Seconds that the ribbon shows at first, and how much it shows for each second that the page has been open. */
const firstSeconds = 40;
const growth = 1.25;

/**
 * How many seconds a ribbon of this width shows. It starts short, so that something happens in it from the first second, and
 * grows to its full length.
 * @param openMs how long the page has been open. Default: long enough.
 */
export function ribbonSeconds(width: number, openMs = Number.POSITIVE_INFINITY): number {
  const full = Math.round(Math.min(maxSeconds, Math.max(minSeconds, width / pixelsPerSecond)) / 15) * 15;
  return Math.min(full, Math.max(firstSeconds, (openMs / 1_000) * growth));
}

/**
 * The span that is shown now.
 * @param isStill nothing moves by itself: "now" walks over a span that stands, and the span jumps when it reaches the end.
 */
export function spanAt(now: number, seconds: number, isStill: boolean): TimeSpan {
  const stepMs = (seconds * 1_000) / 3;
  const to = isStill ? Math.ceil((now + 1) / stepMs) * stepMs : now;
  return { from: to - seconds * 1_000, to };
}

/** Makes a canvas sharp and empty. Null: it is not shown. */
export function openSheet(canvas: HTMLCanvasElement): Sheet | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = width > 0 && height > 0 ? canvas.getContext('2d') : null;
  if (context === null) return null;
  const scale = devicePixelRatio;
  const [pixelWidth, pixelHeight] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
  if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
  const unitPx = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  context.setTransform(scale * unitPx, 0, 0, scale * unitPx, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width: width / unitPx, height: height / unitPx, unitPx };
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    types: Array.from({ length: 8 }, (_, index) => read(`--type-${index}`)),
    lanes: [read('--lane-0'), read('--lane-1')],
    poll: read('--moving'),
    lost: read('--stopped'),
    text: read('--text'),
    muted: read('--muted'),
    border: read('--border'),
    font: `11px ${style.fontFamily}`,
  };
}

const laneTops = [3, 20] as const;
const laneHeight = 12;
const laneMiddle = 17.5;

/** Where the names of statuses stand. */
const namesMiddle = 41;

/** From here down are the ticks. */
const ticksTop = 50;

/** A latency at which a tick has its full height, in ms. The scale is logarithmic. */
const fullLatencyMs = 10_000;
const leastTick = 6;

/** Draws the ribbon: above the connections, below the events. */
export function drawRibbon(sheet: Sheet, record: FeedRecord, span: TimeSpan, palette: Palette): void {
  const { context, width, height } = sheet;
  const xOf = (time: number) => ((time - span.from) / (span.to - span.from)) * width;
  const now = record.now();
  context.font = palette.font;
  context.textBaseline = 'middle';

  drawRails(sheet, palette);
  drawOpening(sheet, xOf(record.openedAt), palette);
  drawStatuses(sheet, record, xOf, palette);
  for (const { sentAt, openAt, endedAt, end, lane } of record.streams()) {
    const [from, to] = [xOf(sentAt), Math.max(xOf(sentAt) + 3, xOf(endedAt ?? now))];
    if (to < 0) continue;
    const top = laneTops[lane];
    const color = palette.lanes[lane];
    // Hollow until its first bytes.
    context.strokeStyle = color;
    context.lineWidth = 1.5;
    context.beginPath();
    context.roundRect(
      from + 0.75,
      top + 0.75,
      Math.max(1.5, to - from - 1.5),
      laneHeight - 1.5,
      laneHeight / 2,
    );
    context.stroke();
    if (openAt !== null) {
      context.fillStyle = color;
      context.beginPath();
      context.roundRect(xOf(openAt), top, Math.max(3, to - xOf(openAt)), laneHeight, laneHeight / 2);
      context.fill();
    }
    if (end === 'lost') drawCross(context, to, top + laneHeight / 2, palette.lost);
  }
  for (const { at, hasFailed } of record.polls()) {
    context.beginPath();
    context.arc(xOf(at), laneMiddle, 3.5, 0, 7);
    context.lineWidth = 1.5;
    context.strokeStyle = hasFailed ? palette.lost : palette.poll;
    context.fillStyle = palette.poll;
    if (hasFailed) context.stroke();
    else context.fill();
  }

  context.fillStyle = palette.border;
  context.fillRect(0, height - 1, width, 1);
  drawTicks(sheet, record, span, xOf, palette);
  for (const { at, missed } of record.gaps()) drawHole(sheet, xOf(at), missed, palette);
  if (span.to - now > 1_000) {
    context.fillStyle = palette.muted;
    context.fillRect(xOf(now), 0, 1, height);
  }
}

/** A rail for each lane, so that one sees where a stream would be. */
function drawRails({ context, width }: Sheet, palette: Palette): void {
  context.fillStyle = palette.border;
  for (const top of laneTops) context.fillRect(0, top + laneHeight / 2 - 0.5, width, 1);
}

/** When the page was opened: what is before it the server has rendered. */
function drawOpening({ context, height }: Sheet, x: number, palette: Palette): void {
  if (x <= 0) return;
  context.strokeStyle = palette.muted;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(Math.round(x) + 0.5, 0);
  context.lineTo(Math.round(x) + 0.5, height - 1);
  context.stroke();
  context.setLineDash([]);
  const text = 'rendered by the server';
  if (x < context.measureText(text).width + 16) return;
  context.fillStyle = palette.muted;
  context.textAlign = 'right';
  context.fillText(text, x - 8, namesMiddle);
}

const statusTexts: Readonly<Record<string, string>> = {
  polling: 'polling',
  paused: 'paused',
  offline: 'offline',
  stopped: 'stopped',
  waiting: 'waiting',
  resting: 'resting',
  ended: 'ended',
};

/** Times without a stream of this page: why, and for how long. */
function drawStatuses(
  { context }: Sheet,
  record: FeedRecord,
  xOf: (time: number) => number,
  palette: Palette,
): void {
  for (const [index, { from, status, isFollower }] of record.statuses().entries()) {
    const text = isFollower && status !== 'paused' ? 'read by another tab' : statusTexts[status];
    if (text === undefined) continue;
    const left = xOf(from);
    const right = xOf(record.statuses()[index + 1]?.from ?? record.now());
    if (right < 0 || right - left < 2) continue;
    const isBad = status === 'offline' || status === 'stopped' || status === 'waiting';
    const color = isBad ? palette.lost : status === 'polling' ? palette.poll : palette.muted;
    // While it polls, the dots of the polls stand there.
    if (status !== 'polling') {
      context.strokeStyle = color;
      context.lineWidth = isFollower ? 5 : 2;
      context.setLineDash(isFollower ? [2, 3] : [4, 4]);
      context.beginPath();
      context.moveTo(Math.max(0, left), laneMiddle);
      context.lineTo(right, laneMiddle);
      context.stroke();
      context.setLineDash([]);
    }
    if (right - Math.max(0, left) < context.measureText(text).width + 8) continue;
    context.fillStyle = color;
    context.textAlign = 'left';
    context.fillText(text, Math.max(0, left) + 4, namesMiddle);
  }
}

function drawCross(context: CanvasRenderingContext2D, x: number, y: number, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.beginPath();
  for (const side of [-1, 1]) {
    context.moveTo(x - 4, y - 4 * side);
    context.lineTo(x + 4, y + 4 * side);
  }
  context.stroke();
}

/** One tick for the events of half a second: the higher, the later the latest of them. */
function drawTicks(
  { context, width, height }: Sheet,
  record: FeedRecord,
  span: TimeSpan,
  xOf: (time: number) => number,
  palette: Palette,
): void {
  const base = height - 1;
  const most = base - ticksTop;
  const tickWidth = Math.min(3, Math.max(1.5, (width * bucketMs) / (span.to - span.from) - 0.5));
  const first = Math.floor(span.from / bucketMs) * bucketMs;
  for (let at = first; at <= span.to; at += bucketMs) {
    const bucket = record.bucketAt(at);
    if (bucket === undefined) continue;
    const share = Math.min(1, Math.log1p(bucket.worstMs) / Math.log1p(fullLatencyMs));
    const tickHeight = leastTick + share * (most - leastTick);
    const total = [...bucket.counts.values()].reduce((sum, count) => sum + count, 0);
    context.globalAlpha = bucket.latencies.length === 0 ? 0.45 : 1;
    let y = base;
    for (const [type, count] of bucket.counts) {
      const part = (tickHeight * count) / total;
      context.fillStyle = palette.types[typeColor(type)] ?? palette.muted;
      context.fillRect(xOf(at), y - part, tickWidth, part);
      y -= part;
    }
  }
  context.globalAlpha = 1;
}

/** A hole in the row of ticks, with the number of events that are gone. */
function drawHole({ context, height }: Sheet, x: number, missed: number | null, palette: Palette): void {
  const text = missed === null ? '?' : `−${missed.toLocaleString('en-US')}`;
  const half = context.measureText(text).width / 2 + 5;
  context.clearRect(x - half, ticksTop - 8, half * 2, height - ticksTop + 8);
  context.strokeStyle = palette.lost;
  context.lineWidth = 1;
  context.setLineDash([3, 3]);
  context.strokeRect(x - half, ticksTop - 8, half * 2, height - ticksTop + 7);
  context.setLineDash([]);
  context.fillStyle = palette.lost;
  context.textAlign = 'center';
  context.fillText(text, x, (height + ticksTop) / 2 - 4);
}

/** Width of a column of the charts, with the space beside it, in units of the sheet. */
const columnPx = 5;

/** Where a key moves the mark of a chart to, in CSS pixels. Null: nothing is marked. Undefined: the key does nothing. */
export function moveMark(
  { width, unitPx }: Sheet,
  markedX: number | null,
  key: string,
): number | null | undefined {
  const stepPx = columnPx * unitPx;
  const last = width * unitPx - stepPx / 2;
  const first = last - (gridOf(width).count - 1) * stepPx;
  switch (key) {
    case 'ArrowLeft':
      return Math.max(first, markedX === null ? last : markedX - stepPx);
    case 'ArrowRight':
      return Math.min(last, (markedX ?? last) + stepPx);
    case 'Home':
      return first;
    case 'End':
      return last;
    case 'Escape':
      return null;
    default:
      return undefined;
  }
}

/** The charts give the figures of this many ms while no column is marked. */
const latestMs = 60_000;

/** How many columns a chart of this width has, and how long the time of each is. */
function gridOf(width: number) {
  const most = Math.max(1, Math.floor(width / columnPx));
  const stepMs = Math.ceil(recordMs / most / bucketMs) * bucketMs;
  return { count: Math.floor(recordMs / stepMs), stepMs };
}

/** The columns of a chart: each the events of a whole number of buckets, at times that stand still. */
function columnsOf({ width }: Sheet, record: FeedRecord) {
  const { count, stepMs } = gridOf(width);
  const end = Math.floor(record.now() / stepMs) * stepMs;
  return Array.from({ length: count }, (_, index) => {
    const from = end - index * stepMs;
    return { x: width - (index + 1) * columnPx, from, to: from + stepMs };
  });
}

/** Draws the events per second of the last five minutes, by type. @param markedX marks the column at this CSS pixel. */
export function drawRates(
  sheet: Sheet,
  record: FeedRecord,
  palette: Palette,
  markedX: number | null,
): ChartNote {
  const { context, height } = sheet;
  const columns = columnsOf(sheet, record).map((column) => ({
    ...column,
    ...countEvents(record, column.from, column.to),
  }));
  const most = Math.max(1, ...columns.map(({ events }) => events));
  for (const { x, counts } of columns) {
    let y = height - 1;
    for (const [type, count] of [...counts].sort(([a], [b]) => typeColor(a) - typeColor(b))) {
      const part = (count / most) * (height - 3);
      context.fillStyle = palette.types[typeColor(type)] ?? palette.muted;
      context.fillRect(x, y - part, columnPx - 1, part);
      y -= part;
    }
  }
  drawBase(sheet, palette);
  const marked = pick(sheet, columns, markedX, palette);
  const now = record.now();
  const { counts } = marked ?? countEvents(record, now - latestMs, now);
  const seconds = (marked === null ? latestMs : marked.to - marked.from) / 1_000;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const parts = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([type, count]) => ({
      name: type,
      value: rate(count / seconds),
      color: `--type-${typeColor(type)}`,
    }));
  return { at: marked?.from ?? null, sum: rate(total / seconds), parts };
}

/** Draws the median latency of the last five minutes as filled columns, the worst as lines. @param markedX as above. */
export function drawLatency(
  sheet: Sheet,
  record: FeedRecord,
  palette: Palette,
  markedX: number | null,
): ChartNote {
  const { context, height } = sheet;
  const columns = columnsOf(sheet, record).map((column) => ({
    ...column,
    latencies: sumUpLatencies(record, column.from, column.to),
  }));
  const most = Math.max(10, ...columns.map(({ latencies }) => latencies?.worstMs ?? 0));
  const heightOf = (ms: number) => (Math.log1p(ms) / Math.log1p(most)) * (height - 5);
  for (const { x, latencies } of columns) {
    if (latencies === null) continue;
    const { medianMs, worstMs } = latencies;
    context.fillStyle = palette.lanes[0];
    context.globalAlpha = 0.55;
    context.fillRect(x, height - 1 - heightOf(medianMs), columnPx - 1, heightOf(medianMs));
    context.globalAlpha = 1;
    context.fillStyle = palette.text;
    context.fillRect(x, height - 2 - heightOf(worstMs), columnPx - 1, 2);
  }
  drawBase(sheet, palette);
  const marked = pick(sheet, columns, markedX, palette);
  const now = record.now();
  const latencies = marked === null ? sumUpLatencies(record, now - latestMs, now) : marked.latencies;
  const parts =
    latencies === null
      ? []
      : [
          { name: 'p50', value: formatLatency(latencies.medianMs), color: '--lane-0' },
          { name: 'worst', value: formatLatency(latencies.worstMs), color: '--text' },
        ];
  return { at: marked?.from ?? null, sum: parts[0]?.value ?? '', parts };
}

/** What a chart says: the figures of the marked column, or those of the last minute. */
export type ChartNote = {
  /** When the marked column begins, by the record's clock; null: none is marked. */
  readonly at: number | null;
  /** The one figure that sums it up. */
  readonly sum: string;
  /** Each with the token of the colour that it is drawn in. */
  readonly parts: readonly { readonly name: string; readonly value: string; readonly color: string }[];
};

function drawBase({ context, width, height }: Sheet, palette: Palette): void {
  context.fillStyle = palette.border;
  context.fillRect(0, height - 1, width, 1);
}

/** The column at `markedX`, marked; null where there is none. */
function pick<T extends { readonly x: number }>(
  { context, height, unitPx }: Sheet,
  columns: readonly T[],
  markedX: number | null,
  palette: Palette,
): T | null {
  if (markedX === null) return null;
  const at = markedX / unitPx;
  const column = columns.find(({ x }) => at >= x && at < x + columnPx);
  if (column === undefined) return null;
  context.fillStyle = palette.text;
  context.globalAlpha = 0.18;
  context.fillRect(column.x, 0, columnPx - 1, height);
  context.globalAlpha = 1;
  return column;
}

/** 12.34 → `12/s`, 0.5 → `0.5/s`. */
function rate(perSecond: number): string {
  return `${perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond)}/s`;
}
