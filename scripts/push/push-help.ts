/** What `npm run push -- --help` says. */
export const pushHelp = `Publishes events.

  npm run push -- "text"            one event
  some-command | npm run push       one event a line, as the lines come
  npm run push -- --file notes.txt  one event a line

A line becomes an event of --type whose data is the line, as a string; lines of white space are left out.
Or a line is an event itself, as JSON: {"data": …, "type"?: "…", "channel"?: "…"}; other members are left out.
Which of the two is told by --format, for the whole input:
  auto    (default) ndjson when the first line that is not empty is a JSON object with a "data" member, else lines
  lines   every line is text
  ndjson  every line is an event

  --file <path>     read this file instead of standard input
  --channel <name>  channel of events that name none (default: feed)
  --type <name>     type of events that name none (default: message)
  --url <address>   the app (default: http://localhost:3000)
  --token <token>   the app's PUBLISH_TOKEN (default: that variable, of the environment or .env.local;
                    arguments show in process lists)
  --key <prefix>    idempotency key of batch n is <prefix>-<n> (default: random). The same file pushed again with
                    the same key and the same --batch stores nothing twice, for 24 hours
  --batch <n>       most events of one request, 1 to 500 (default: 100); a request also stays under 1 MiB.
                    From a pipe, what has come is sent 200 ms after its first line
  --rate <n>        at most n events a second
  --retries <n>     how often a request is tried again, under its key (default: 15, some minutes)
  --help            this text

Batches are stored whole, one after the other: when one is refused, everything before it is stored, nothing of it.
Exit code: 0 when all is stored; 1 when not, with the reason and the line; 130 when interrupted.
`;
