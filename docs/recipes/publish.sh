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
# Each retry has the same key, so the server stores the event once. The waits are 1, 2, 4, … s, 63 s together, or what
# Retry-After says.
status=$(curl --silent --show-error --max-time 30 --retry 6 --retry-max-time 90 --retry-all-errors \
  ${authorization[@]+"${authorization[@]}"} --header 'content-type: application/json' \
  --header "idempotency-key: $key" --data-raw "{\"channel\":\"$2\",\"type\":\"$3\",\"data\":$4}" \
  --output "$answer" --write-out '%{http_code}' "$url/api/events")
case $status in
  200 | 201) cat "$answer" ;;
  *)
    stop 1 "The event could not be published: status $status. $(cat "$answer")
Run it again with the key $key as the last argument: nothing is stored twice."
    ;;
esac
