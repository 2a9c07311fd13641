#!/usr/bin/env bash
# Appends every event of a channel to a file, each event once and in order. Start it again after any end: it continues.
# It ends by itself when the channel has ended.
#
#   bash read.sh https://feed.example.com orders orders.ndjson
#
# Each line of the file is {"cursor":…,"event":{…}}, or {"cursor":…,"gap":{…}} where events are gone.
# It needs curl 7.84 or newer.
#
# A private channel needs a read token: in FEED_TOKEN, or in a file that FEED_TOKEN_FILE names. The program reads that
# file before each request, so you can renew the token while it runs.
set -u

stop() {
  echo "$2" >&2
  exit "$1"
}

[ $# -eq 3 ] || stop 2 'usage: read.sh <address> <channel> <file>'
url=${1%/} channel=$2 file=$3
case $url in http://?* | https://?*) ;; *) stop 2 'The address must begin with http:// or https://.' ;; esac

# One program per file. The lock ends with this process, however it ends. macOS has no flock.
exec 9>> "$file" || exit 1
if command -v flock > /dev/null; then
  flock --nonblock 9 || stop 1 "Another program writes to $file. Give this one a file of its own, or end the other one."
fi

# A kill can have cut the last line short. Remove it: its event comes again.
if [ -n "$(tail -c 1 "$file")" ]; then
  whole=$(($(wc -c < "$file") - $(tail -n 1 "$file" | wc -c)))
  dd if=/dev/null of="$file" bs=1 seek="$whole" 2> /dev/null || exit 1
fi
last=$(tail -n 1 "$file")
cursor=$(sed -n 's/^{"cursor":"\([^"]*\)".*/\1/p' <<< "$last")
if [ -z "$cursor" ]; then
  [ -z "$last" ] || stop 1 "The last line of $file has no cursor. Give a file of this program, or a new one."
  # Before the first event. With rewind=all the server would not report the events that are gone before we read one.
  cursor=0-0
fi

# Prints the stream, then a line "status <code> <Retry-After>" and a line "curl <exit code> <reason>". The server sends a
# heartbeat at least every 5 s, and curl gives up after 13 s of silence.
stream() {
  curl --silent --no-buffer --speed-limit 1 --speed-time 13 --connect-timeout 10 \
    ${authorization[@]+"${authorization[@]}"} \
    --write-out '\nstatus %{http_code} %header{retry-after}\ncurl %{exitcode} %{errormsg}\n' \
    --get --data-urlencode "channel=$channel" --data heartbeat=5 --data-urlencode "after=$cursor" "$url/api/stream"
}

# Prints the reason in the body of a refusal: {…,"detail":"…",…}
detail() {
  sed -nE 's/.*"detail":"(([^"\\]|\\.)*)".*/\1/p' | sed -E 's/\\(["\\])/\1/g'
}

range=1 reported=''
while true; do
  token=${FEED_TOKEN:-}
  if [ -n "${FEED_TOKEN_FILE:-}" ]; then token=$(cat "$FEED_TOKEN_FILE" 2> /dev/null); fi
  case $token in *[![:graph:]]*)
    stop 1 'The token has spaces or lines in it. Make it with npm run --silent token.' ;;
  esac
  authorization=()
  if [ -n "$token" ]; then authorization=(--header "authorization: Bearer $token"); fi

  kind=event data='' status=000 wait=0 code=0 reason='' problem='' is_open=no
  while IFS= read -r line; do
    case $line in
      'id: '*) id=${line#id: } ;;
      'event: '*) kind=${line#event: } ;;
      'data: '*) data=${line#data: } ;;
      'status '*) read -r _ status wait <<< "$line" ;;
      'curl '*) read -r _ code reason <<< "$line" ;;
      '{'*) problem=$(detail <<< "$line") ;; # the body of a refusal
      '')
        case $kind in
          hello) range=1 reported='' is_open=yes ;;
          end) exit 0 ;;
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
  done < <(
    exec 9>&- # curl outlives a kill for a moment. It must not hold the lock.
    stream
  )

  # The channel has ended, and the cursor is at its end.
  [ "$status" != 204 ] || exit 0
  # An open stream may break at any time. But tell, once, why we cannot open one.
  if [ $is_open = no ]; then
    case $status in
      000) cause=$reason ;;
      200) cause='the answer is no stream' ;;
      429 | 5??) cause="the server answers $status${problem:+: $problem}" ;;
      *) cause="the server answers $status: ${problem:-Is this the address of a Steadfeed app?}" ;;
    esac
    case $status:${FEED_TOKEN_FILE:-} in
      400:* | 401: | 403:*) stop 1 "Cannot read $url: $cause" ;;
    esac
    if [ "$status $code" != "$reported" ]; then
      case $cause in *[.?]) ;; *) cause=$cause. ;; esac
      echo "Cannot read $url: $cause It tries again." >&2
      reported="$status $code"
    fi
  fi
  # The random wait keeps readers apart that lost their streams together.
  case $wait in '' | *[!0-9]*) wait=0 ;; esac
  sleep "$((wait + RANDOM % (range + 1)))" 9>&-
  range=$((range < 30 ? range * 2 : 30))
done
