/** A promise that was not kept. */
export type Violation = {
  readonly kind: /** Events that were never told, and no gap says so. */
    | 'unsaid gap'
    /** A gap says that events were lost which the log still had. */
    | 'unfounded gap'
    /** A gap gives another number than the truth. */
    | 'wrong count'
    | 'doubled'
    | 'out of order'
    /** An event that the log never stored, or not with these data. */
    | 'unknown event'
    /** A reader that did not get to the end of the log. */
    | 'stopped'
    /** An event that the log has under two ids. */
    | 'stored twice'
    /** What the log, the app or a publisher's answers did wrong. */
    | 'log'
    | 'app'
    | 'publisher';
  /** Who noticed: a reader, a publisher, a process. */
  readonly who: string;
  readonly what: string;
  /** Events that were lost by it. */
  readonly lost: number;
};
