/** A body as a server may send it, and what our client reads in it. */
export type SseCase = {
  /** What holds, as the end of a sentence that begins with "the client: ". */
  readonly name: string;
  /** Where the line ends are all `\n`, the case holds for `\r\n` and `\r` just as well. */
  readonly sent: string | Uint8Array;
  /** Every frame: the seq of its cursor, and an event's data as JSON or the frame's name. */
  readonly read: readonly string[];
  /** How it is over. Default: `ended`. */
  readonly end?: 'ended' | 'disconnected';
};

/** A cursor of the channel `feed`, as text. */
export const cursorText = (seq: number) => `${seq * 10}-${seq}~aaaaaa`;

/** The event of that number, as JSON. */
export const eventJson = (seq: number, data: unknown = seq) =>
  JSON.stringify({ id: `${seq * 10}-${seq}`, channel: 'feed', type: 'note', time: seq * 10, data });

/** A block of one event, as our server writes it. Its data is its number, where none is given. */
export const eventBlock = (seq: number, data?: unknown) =>
  `id: ${cursorText(seq)}\ndata: ${eventJson(seq, data)}\n\n`;

/** A block with a name. */
export const heartbeatBlock = (seq: number) => `id: ${cursorText(seq)}\nevent: heartbeat\ndata: {}\n\n`;
