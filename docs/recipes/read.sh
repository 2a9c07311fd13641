#!/usr/bin/env bash
# Appends every event of a channel to a file, each event once and in order. Start it again after any end: it continues.
#
#   FEED_TOKEN=<read token> bash read.sh https://feed.example.com orders orders.ndjson
#
# FEED_TOKEN is for private channels only. Each line of the file is {"cursor":…,"event":{…}}, or {"cursor":…,"gap":{…}}
# where events are gone. It needs curl 7.84 or newer.
set -u
url=$1 channel=$2 file=$3

# A kill can have cut the last line short. Remove it: its event comes again.
touch "$file"
if [ -n "$(tail -c 1 "$file")" ]; then
  sed '$d' "$file" > "$file.whole" && mv "$file.whole" "$file"
fi
cursor=$(tail -n 1 "$file" | sed 's/^{"cursor":"\([^"]*\)".*/\1/')

authorization=()
if [ -n "${FEED_TOKEN:-}" ]; then authorization=(--header "authorization: Bearer $FEED_TOKEN"); fi

# Prints the stream, then a line "status <code> <Retry-After>". The server sends a heartbeat at least every 5 s, and curl
# gives up after 13 s of silence.
stream() {
  if [ -n "$cursor" ]; then start="after=$cursor"; else start='rewind=all'; fi
  curl --silent --no-buffer --speed-limit 1 --speed-time 13 --connect-timeout 10 \
    ${authorization[@]+"${authorization[@]}"} --write-out '\nstatus %{http_code} %header{retry-after}\n' \
    "$url/api/stream?channel=$channel&heartbeat=5&$start"
}

range=1
while true; do
  kind=event data='' status=0 wait=0 problem=''
  while IFS= read -r line; do
    case $line in
      'id: '*) id=${line#id: } ;;
      'event: '*) kind=${line#event: } ;;
      'data: '*) data=${line#data: } ;;
      'status '*) read -r _ status wait <<< "$line" ;;
      '{'*) problem=$line ;; # the body of a refusal
      '')
        case $kind in
          hello) range=1 ;;
          event | gap)
            if [ -n "$data" ]; then
              printf '{"cursor":"%s","%s":%s}\n' "$id" "$kind" "$data" >> "$file" || exit 1
              cursor=$id
            fi
            ;;
        esac
        kind=event data=''
        ;;
    esac
  done < <(stream)
  case $status in
    400 | 401 | 403)
      echo "The server refuses the request: $problem" >&2
      exit 1
      ;;
  esac
  # The random wait keeps readers apart that lost their streams together.
  case $wait in '' | *[!0-9]*) wait=0 ;; esac
  sleep "$((wait + RANDOM % (range + 1)))"
  range=$((range < 30 ? range * 2 : 30))
done
