#!/usr/bin/env bash
# Publishes one event. Its name, the idempotency key, is the last argument; without one it is random.
#
#   PUBLISH_TOKEN=<token> bash publish.sh https://feed.example.com orders order.created '{"id": 7}' order-7-created
#
# It needs curl 7.71 or newer.
set -u

stop() {
  echo "$2" >&2
  exit "$1"
}

[ $# -eq 4 ] || [ $# -eq 5 ] || stop 2 'usage: publish.sh <address> <channel> <type> <data as JSON> [<key>]'
url=${1%/} key=${5:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
case $url in http://?* | https://?*) ;; *) stop 2 'The address must begin with http:// or https://.' ;; esac
authorization=()
if [ -n "${PUBLISH_TOKEN:-}" ]; then authorization=(--header "authorization: Bearer $PUBLISH_TOKEN"); fi

answer=$(mktemp) || exit 1
trap 'rm -f "$answer"' EXIT
# The server knows a key for 24 hours. Each retry has the same key, so the server stores the event once. The waits are
# 1, 2, 4, … s, or what Retry-After says: 60 s together, and more than a restart or a deploy of the server takes.
status=$(curl --silent --show-error --max-time 30 --retry 6 --retry-max-time 90 --retry-all-errors \
  ${authorization[@]+"${authorization[@]}"} --header 'content-type: application/json' \
  --header "idempotency-key: $key" --data-raw "{\"channel\":\"$2\",\"type\":\"$3\",\"data\":$4}" \
  --output "$answer" --write-out '%{http_code}' "$url/api/events")
case $status in
  200 | 201)
    cat "$answer"
    exit
    ;;
esac
# The reason, if our server has written the answer: {…,"detail":"…",…}
reason=$(sed -nE 's/.*"detail":"(([^"\\]|\\.)*)".*/\1/p' "$answer" | sed -E 's/\\(["\\])/\1/g')
advice=''
case $status in
  401) advice='Set PUBLISH_TOKEN in the environment to the publish token of the app.' ;;
  000 | 429 | 5??) advice="Run it again with the key $key as the last argument, within 24 hours: nothing is stored twice." ;;
  *) [ -n "$reason" ] || advice='Is this the address of a Steadfeed app?' ;;
esac
stop 1 "The event could not be published: status $status.${reason:+ $reason}${advice:+
$advice}"
