/** Where in the list a row is, and how it takes part in it. */
export type RowPlace = {
  /** Place among all entries, the newest is 0. */
  readonly index: number;
  readonly isNewest: boolean;
  /** Whether the Tab key enters the list here. */
  readonly isEntrance: boolean;
  /** Tells the list how high the row is. */
  readonly measure: (row: HTMLElement | null) => void;
};
