import { createContext } from 'react';

/** How times are told. */
export type TimeSense = {
  /** `ago`: how long ago. `clock`: when. */
  readonly style: 'ago' | 'clock';
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
};

/** A context, so that a row that has been rendered need not be told again. */
export const TimeSenseContext = createContext<TimeSense>({ style: 'clock', skewMs: 0 });
