import { describe, expect, test } from 'vitest';
import { channels } from '../../lib/config/channels.ts';
import { createChannelRules } from '../../lib/log/channel-rules.ts';
import { defaultRules } from '../../lib/log/event-log.ts';

const hour = { channels: 'job.*', expireAfterEndSeconds: 3_600 };

describe('the rules of channels', () => {
  test('are the defaults for a channel without a line, with the number of events from the settings', () => {
    expect(createChannelRules([hour], 77)('feed')).toEqual({
      retentionEvents: 77,
      retentionSeconds: null,
      expireAfterEndSeconds: null,
      maxSubjects: 10_000,
    });
  });

  test('are those of the first line that fits, and the defaults for what it leaves out', () => {
    const rulesOf = createChannelRules(
      [{ channels: 'job.7', retentionEvents: 5 }, hour, { channels: '*', maxSubjects: 3 }],
      100,
    );

    expect(rulesOf('job.7')).toEqual({ ...defaultRules(100), retentionEvents: 5 });
    expect(rulesOf('job.77')).toEqual({ ...defaultRules(100), expireAfterEndSeconds: 3_600 });
    expect(rulesOf('job.')).toEqual({ ...defaultRules(100), expireAfterEndSeconds: 3_600 });
    expect(rulesOf('job')).toEqual({ ...defaultRules(100), maxSubjects: 3 });
  });

  test('of the template are valid', () => {
    expect(() => createChannelRules(channels, 100)).not.toThrow();
  });

  const isNoPattern =
    'channels is neither a name nor the beginning of names followed by *. Write job.7, job.* or *.';
  const faults: readonly (readonly [line: object, text: string])[] = [
    [{}, `(no channels): ${isNoPattern}`],
    [{ channels: '' }, `(""): ${isNoPattern}`],
    [{ channels: 'a*b' }, `("a*b"): ${isNoPattern}`],
    [{ channels: 'job.**' }, `("job.**"): ${isNoPattern}`],
    [{ channels: 7 }, `(7): ${isNoPattern}`],
    [
      { channels: 'a', retention: 5 },
      '("a"): "retention" is not a rule. Use retentionEvents, retentionSeconds, expireAfterEndSeconds, maxSubjects.',
    ],
    [
      { channels: 'a', retentionEvents: 0 },
      '("a"): retentionEvents is 0. Use a whole number from 1 to 10000000, or leave it out.',
    ],
    [
      { channels: 'a', retentionSeconds: 0.5 },
      '("a"): retentionSeconds is 0.5. Use a whole number from 1 to 315360000, or leave it out.',
    ],
    [
      { channels: 'a', expireAfterEndSeconds: '3600' },
      '("a"): expireAfterEndSeconds is 3600. Use a whole number from 1 to 315360000, or leave it out.',
    ],
    [
      { channels: 'a', maxSubjects: 100_001 },
      '("a"): maxSubjects is 100001. Use a whole number from 0 to 100000, or leave it out.',
    ],
    [
      { channels: 'a', maxSubjects: null },
      '("a"): maxSubjects is null. Use a whole number from 0 to 100000, or leave it out.',
    ],
    [
      { channels: 'job.7', maxSubjects: 1 },
      '("job.7"): it never applies, because line 1 ("job.*") fits the same channels. Put it before that line.',
    ],
    [
      { channels: 'job.x*' },
      '("job.x*"): it never applies, because line 1 ("job.*") fits the same channels. Put it before that line.',
    ],
    [
      { channels: 'job.*' },
      '("job.*"): it never applies, because line 1 ("job.*") fits the same channels. Put it before that line.',
    ],
  ];

  test.each(faults)('are refused with the line %j, and the error names it', (line, text) => {
    expect(() => createChannelRules([hour, line as typeof hour], 100)).toThrow(
      expect.objectContaining({ code: 'misconfigured', message: `lib/config/channels.ts: line 2 ${text}` }),
    );
  });
});
