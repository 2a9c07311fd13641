import type { Obstacle } from './judge.ts';

/** What to change for an obstacle, line by line: first what it is about, then the setting for each program. */
export const advice: Readonly<Record<Obstacle, readonly string[]>> = {
  'not-the-feed': [
    'Check the address: it must include the base path of the app, and lead to the feed and not to a page to sign in.',
    'On Vercel: turn off Deployment Protection for this deployment, or use an address without it.',
  ],
  publishing: ['Give the doctor the token of the deployment: PUBLISH_TOKEN=… npm run doctor -- <url>'],
  'open-publishing': ['Set PUBLISH_TOKEN where the app runs, and start it in production.'],
  'strips-authorization': [
    'Something removes the header Authorization. Pass it on:',
    'Squid: cache_peer … login=PASS   nginx: no proxy_set_header Authorization ""   Apache: CGIPassAuth On',
  ],
  clock: ['Set the clock of the server by NTP. The feed works with a wrong clock; times on the page do not.'],
  'refuses-streams': [
    'A filter refuses the content type text/event-stream. Allow it for /api/stream. Until then the client polls.',
  ],
  'whole-answers': [
    'Something waits for the whole answer before it passes it on. Turn that off for /api/stream:',
    'nginx: proxy_buffering off;   Apache: no mod_buffer   Varnish: set beresp.do_stream = true;',
    'A gateway that cannot stream (some API gateways, some virus scanners): leave /api/stream out of it.',
  ],
  compresses: [
    'Do not compress text/event-stream:',
    'nginx: gzip_types without text/event-stream and *   HAProxy: no text/event-stream in compression type',
    'Apache: SetEnvIf Request_URI ^/api/stream no-gzip   Caddy: encode without text/event-stream in its match',
    'Next: compress: false in next.config, if a server in front of it compresses',
  ],
  holds: [
    'Something buffers the stream. Turn that off for /api/stream:',
    'nginx: proxy_buffering off; proxy_http_version 1.1;   Apache: no mod_buffer, SetEnv proxy-sendchunked 1',
    'HAProxy: no option http-buffer-request, no filter that buffers   Caddy: flush_interval -1',
    'Varnish: set beresp.do_stream = true;   Next: no middleware or rewrite that reads the body of /api/stream',
  ],
  blocks: [
    'Something passes the stream on in blocks. Turn its buffer off for /api/stream:',
    'nginx: proxy_buffering off;   Apache: no mod_buffer   Caddy: flush_interval -1',
  ],
  trickles: ['A scanner holds the answer until it has seen the end. Leave /api/stream out of its rules.'],
  'one-behind': [
    'Nothing has to change. To be rid of it, leave /api/stream out of the virus scanner or filter.',
  ],
  late: [
    'Something passes the stream on late. Leave /api/stream out of its inspection, or turn its buffer off:',
    'nginx: proxy_buffering off;   Apache: no mod_buffer   HAProxy: option http-no-delay   Caddy: flush_interval -1',
  ],
  'idle-limit': [
    'Something cuts connections that are silent. Raise its limit for /api/stream, or set HEARTBEAT_SECONDS below it:',
    'nginx: proxy_read_timeout 1h;   HAProxy: timeout server 1h, timeout client 1h',
    'Apache: ProxyTimeout 3600   Varnish: between_bytes_timeout = 1h   Squid: read_timeout 1 hour',
  ],
  'loses-silently': [
    'Something forgets connections without a word (a firewall, NAT, a load balancer). Raise its idle time,',
    'or set HEARTBEAT_SECONDS below it. The client notices, and reads on by another connection.',
  ],
  'ends-early': [
    'Something ends streams before the server does. Raise its limit, or set STREAM_MAX_SECONDS below it:',
    'nginx: send_timeout, proxy_read_timeout   HAProxy: timeout tunnel   Vercel: maxDuration of the route',
  ],
  breaks: [
    'Something cuts streams. Look into its log at that time. Raise its limit, or set STREAM_MAX_SECONDS below it:',
    'nginx: proxy_read_timeout 1h;   HAProxy: timeout server 1h   Apache: ProxyTimeout 3600',
  ],
  'one-connection': [
    'Something lets few requests through at a time; a stream takes one for as long as it lives. Raise its limit:',
    'HAProxy: maxconn of the server   nginx: limit_conn, worker_connections   Apache: MaxRequestWorkers',
  ],
  'strips-last-event-id': [
    'Something removes the header Last-Event-ID: a native EventSource loses events untold. Pass it on:',
    'nginx: proxy_set_header Last-Event-ID $http_last_event_id;   CDN: forward this header',
    'This client does not need the header.',
  ],
  'stale-polls': [
    'A cache keeps polls for longer than their Cache-Control allows. Let it obey, or bypass it for /api/events:',
    'nginx: no proxy_cache_valid and no proxy_ignore_headers there   Varnish: return (pass) for /api/',
  ],
  'cuts-polls': [
    'Something cuts requests that wait for an answer. The client learns to wait for less. To be rid of it,',
    'raise the limit (nginx: proxy_read_timeout 60s;   HAProxy: timeout server 60s), or set POLL_MODE=short.',
  ],
  'rate-limit': [
    'Something refuses requests by their rate. Many readers may share one address. Raise the limit for /api/:',
    'nginx: limit_req with a larger rate and burst, limit_req_status 429   CDN: a rule for /api/',
  ],
  'no-gap': ['The server does not report lost events. Check that its version is current.'],
  'loses-events': ['Please report this with the output of --json: it must not happen.'],
};
