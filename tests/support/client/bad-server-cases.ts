import type { PollAdvice } from '../../../lib/core/event.ts';
import { badAnswers } from './bad-answers.ts';
import type { Misbehaviour } from './fetch-server.ts';

/** A server that misbehaves, and the bounds that the client's rules set. Times are in ms. */
export type Case = {
  readonly name: string;
  readonly server: Misbehaviour;
  /** The server's advice for polling. Default: short polls, 2 s apart. */
  readonly advice?: PollAdvice;
  /** The earliest and the latest time of the first event; null: none comes before the server behaves. */
  readonly firstMs: readonly [number, number] | null;
  /** How late an event may be while the server misbehaves; null if none comes. */
  readonly latestMs: number | null;
  /** Most requests in the first 60 s, and where the number comes from. */
  readonly requests: number;
  readonly rule: string;
  /** From the moment when the server behaves: to the next event; to the stream that stays, after a short and after a long outage. */
  readonly eventBackMs: number;
  readonly backMs: number;
  readonly backLateMs: number;
};

/** Polls bring the events. The next poll and the next probe decide; a probe's wait is up to a fifth longer. */
const byPolls = { latestMs: 2_000, eventBackMs: 2_000, backMs: 72_000, backLateMs: 360_000 };

/** No byte comes: a poll checks after 2.5 s, the client falls back after 4 s, and so does each probe. */
const bySilence = {
  ...byPolls,
  firstMs: [2_500, 2_500] as const,
  latestMs: 2_500,
  backMs: 76_000,
  backLateMs: 364_000,
  requests: 32,
  rule: '1 stream, a check, polls each 2 s from 4 s on: 28, probes: 2',
};

/** Nothing can be read. A poll returns first, and starts a probe. */
const toAll = { firstMs: null, latestMs: null };

/** The catalogue of bad servers, with the bounds. */
export const cases: readonly Case[] = [
  {
    ...{ name: 'behaves', server: (asked) => asked.honest(), firstMs: [0, 0], latestMs: 0, requests: 1 },
    ...{ rule: '1 stream', eventBackMs: 1_000, backMs: 0, backLateMs: 0 },
  },
  {
    ...{ name: 'takes 3 s to the first byte', server: badAnswers.answersAfter3s, firstMs: [2_500, 2_500] },
    ...{
      latestMs: 2_500,
      requests: 2,
      rule: '1 stream, a check',
      eventBackMs: 1_000,
      backMs: 0,
      backLateMs: 0,
    },
  },
  { ...bySilence, name: 'takes 6 s to the first byte', server: badAnswers.answersAfter6s },
  { ...bySilence, name: 'buffers everything', server: badAnswers.buffersEverything },
  {
    ...bySilence,
    ...{ name: 'buffers everything, polls are long', server: badAnswers.buffersEverything },
    ...{ advice: { waitSeconds: 20, everyMs: 0 }, requests: 62 },
    rule: '1 stream, a check, from 4 s on one poll per event, plus two: 58, probes: 2',
  },
  { ...bySilence, name: 'buffers the first 8 KiB', server: badAnswers.buffersFirst8KiB },
  {
    ...{ name: 'passes on blocks of 2 KiB', server: badAnswers.passesBlocksOf2KiB, firstMs: [0, 0] },
    ...{
      ...byPolls,
      latestMs: 3_500,
      requests: 32,
      rule: '1 stream, a check 3.5 s after the hello, polls each 2 s: 28, probes: 2',
    },
    ...{ backMs: 76_000, backLateMs: 364_000 },
  },
  { ...bySilence, name: 'compresses, and holds 64 KiB back', server: badAnswers.compressesAndHolds },
  { ...bySilence, name: 'never answers a stream', server: badAnswers.neverAnswers },
  {
    ...{ ...toAll, name: 'never answers anything', server: badAnswers.neverAnswersAtAll, requests: 10 },
    rule: '1 stream, a check, polls of 10 s each: 6, probes: 2',
    ...{ eventBackMs: 40_000, backMs: 46_000, backLateMs: 46_000 },
  },
  {
    ...{ ...byPolls, name: 'answers streams with HTML', server: badAnswers.answersHtml },
    ...{ firstMs: [0, 1_000], requests: 34, rule: '2 streams, polls each 2 s: 30, probes: 2' },
  },
  {
    ...{ ...toAll, name: 'answers all with HTML (captive portal)', server: badAnswers.answersHtmlToAll },
    ...{ requests: 20, rule: '2 streams, polls after random waits: 10 on average, 16 at most, probes: 2' },
    ...{ eventBackMs: 30_000, backMs: 30_000, backLateMs: 30_000 },
  },
  {
    ...{ ...byPolls, name: 'answers streams with 503, Retry-After 5', server: badAnswers.answers503 },
    ...{ firstMs: [10_000, 11_000], latestMs: 11_000, requests: 29 },
    rule: '2 streams 5 s apart, after 5 s more polls each 2 s: 25, probes: 2',
  },
  {
    ...{ ...byPolls, name: 'has no stream left: 503, too-many-streams', server: badAnswers.isFull },
    ...{ firstMs: [0, 500], requests: 34, rule: '1 stream, at once polls each 2 s: 31, probes: 2' },
  },
  {
    ...{ ...toAll, name: 'answers all with 503, Retry-After 5', server: badAnswers.answers503ToAll },
    ...{ requests: 14, rule: 'one poll each 5 s: 12, probes beside them: 2' },
    ...{ eventBackMs: 35_000, backMs: 35_000, backLateMs: 35_000 },
  },
  {
    ...{ ...toAll, name: 'answers streams with 429, Retry-After 5', server: badAnswers.answers429 },
    ...{ requests: 12, rule: 'one stream each 5 s: 12; the client obeys, and does not poll instead' },
    ...{ eventBackMs: 35_000, backMs: 35_000, backLateMs: 35_000 },
  },
  {
    ...{ ...byPolls, name: 'closes each stream after 1 s', server: badAnswers.cutsAfter1s, firstMs: [0, 0] },
    ...{ requests: 36, rule: '3 streams, polls each 2 s from 3 s on: 29, probes: 2, a poll after each: 2' },
    backMs: 73_500,
  },
  {
    ...{ name: 'ends each stream after 14 s', server: badAnswers.endsAfter14s, firstMs: [0, 0] },
    ...{ latestMs: 500, requests: 5, rule: 'a stream each 14 to 14.5 s: 5' },
    ...{ eventBackMs: 1_500, backMs: 14_500, backLateMs: 14_500 },
  },
  {
    ...{ name: 'drops each stream silently after hello', server: badAnswers.dropsSilently, firstMs: [0, 0] },
    ...{
      ...byPolls,
      latestMs: 3_500,
      requests: 32,
      rule: '1 stream, a check 3.5 s after the hello, polls each 2 s: 28, probes: 2',
    },
    ...{ backMs: 76_000, backLateMs: 364_000 },
  },
];
