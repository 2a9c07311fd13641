/** A body that a server may send, and what the client reads from it. */
export type SseCase = {
  /** What the client does, as the end of a sentence that begins with "the client". */
  readonly name: string;
  /** If all line ends are `\n`, the case holds for `\r\n` and `\r` too. */
  readonly sent: string | Uint8Array;
  /** For each frame: the number of its cursor, and the event's data as JSON or the frame's name. */
  readonly read: readonly string[];
  /** How the stream ends. Default: `ended`. */
  readonly end?: 'ended' | 'disconnected';
};

/** A cursor of the channel `feed`, as text. */
export const cursorText = (seq: number) => `${seq * 10}-${seq}~aaaaaa`;

/** The event with this number, as JSON. */
export const eventJson = (seq: number, data: unknown = seq) =>
  JSON.stringify({ id: `${seq * 10}-${seq}`, channel: 'feed', type: 'note', time: seq * 10, data });

/** The frame of one event, as the server writes it. Its data is its number, unless given. */
export const eventBlock = (seq: number, data?: unknown) =>
  `id: ${cursorText(seq)}\ndata: ${eventJson(seq, data)}\n\n`;

/** A frame with a name. */
export const heartbeatBlock = (seq: number) => `id: ${cursorText(seq)}\nevent: heartbeat\ndata: {}\n\n`;
