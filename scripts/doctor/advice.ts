import type { Obstacle } from './judge.ts';

/** What to change for an obstacle, line by line: first what it is about, then the setting for each program. */
export const advice: Readonly<Record<Obstacle, readonly string[]>> = {
  'not-the-feed': [
    'Check the address: it must include the basePath of the app, and must not lead to a sign-in page.',
    'On Vercel: turn off Deployment Protection for this deployment, or use an address without it.',
  ],
  'no-process': [
    'Start the app, or correct the address of the process in the proxy:',
    "systemctl status 'steadfeed@*'   journalctl -u 'steadfeed@*' -n 50   docker ps",
  ],
  'no-answer': ['Check the address, and that the app or the proxy in front of it runs there.'],
  'log-failed': ['docs/operations.md, "When the log fails", has a row for each reason, with what to do.'],
  evicts: [
    'Turn eviction off where Redis runs: maxmemory-policy noeviction (redis.conf), or CONFIG SET and CONFIG REWRITE.',
    'A managed Redis has it on its configuration page. Restart the app, or wait until it connects again, to see it here.',
  ],
  'two-builds': [
    'This is right during an update. Afterwards, restart the process that still has the old build.',
    'If no update is under way: docs/deploy.md, Update. Without its lines in the proxy, new pages can stay on "Connecting".',
  ],
  publishing: ['Give the doctor the token of the deployment: PUBLISH_TOKEN=… npm run doctor -- <url>'],
  'open-publishing': ['Set PUBLISH_TOKEN where the app runs, and start it in production.'],
  'strips-authorization': [
    'Something removes the header Authorization. Pass it on:',
    'Squid: cache_peer … login=PASS   nginx: no proxy_set_header Authorization ""   Apache: CGIPassAuth On',
  ],
  clock: [
    'Set the clock of the server by NTP. The feed works with a wrong clock; the page shows wrong times.',
  ],
  'refuses-streams': [
    'A filter refuses the content type text/event-stream. Allow it for /api/stream. Until then the client polls.',
  ],
  'whole-answers': [
    'Something waits for the whole answer before it passes it on. Turn that off for /api/stream:',
    'nginx: proxy_buffering off;   Apache: no mod_buffer   Varnish: set beresp.do_stream = true;',
    'Some API gateways and virus scanners cannot stream: do not send /api/stream through them.',
  ],
  compresses: [
    'Do not compress text/event-stream:',
    'nginx: neither text/event-stream nor * in gzip_types   HAProxy: no text/event-stream in compression type',
    'Apache: SetEnvIf Request_URI ^/api/stream no-gzip   Caddy: encode without text/event-stream in its match',
    'Next: compress: false in next.config, if a server in front of it compresses',
  ],
  holds: [
    'Something buffers the stream. Turn that off for /api/stream:',
    'nginx: proxy_buffering off; proxy_http_version 1.1;   Apache: no mod_buffer, SetEnv proxy-sendchunked 1',
    'HAProxy: no option http-buffer-request, no filter that buffers',
    'Varnish: set beresp.do_stream = true;   Next: no middleware or rewrite that reads the body of /api/stream',
  ],
  blocks: [
    'Something passes the stream on in blocks. Turn its buffer off for /api/stream:',
    'nginx: proxy_buffering off;   Apache: no mod_buffer',
  ],
  trickles: ['A scanner holds the answer until it has seen the end. Exclude /api/stream from its rules.'],
  'one-behind': [
    'You need to change nothing. To remove this delay, exclude /api/stream from the virus scanner or filter.',
  ],
  late: [
    'Something passes the stream on late. Exclude /api/stream from its inspection, or turn its buffer off:',
    'nginx: proxy_buffering off;   Apache: no mod_buffer   HAProxy: option http-no-delay',
  ],
  'idle-limit': [
    'Something cuts connections that are silent. Raise its limit for /api/stream, or set HEARTBEAT_SECONDS below it:',
    'nginx: proxy_read_timeout 1h;   HAProxy: timeout server 1h, timeout client 1h',
    'Apache: ProxyTimeout 3600   Varnish: between_bytes_timeout = 1h   Squid: read_timeout 1 hour',
  ],
  'loses-silently': [
    'A firewall, NAT or load balancer drops idle connections and tells neither side. Raise its idle time,',
    'or set HEARTBEAT_SECONDS below it. The client notices, and reads on by another connection.',
  ],
  'ends-early': [
    'Something ends streams before the server does. Raise its limit, or set STREAM_MAX_SECONDS below it:',
    'nginx: send_timeout, proxy_read_timeout   HAProxy: timeout tunnel   Vercel: maxDuration of the route',
  ],
  breaks: [
    'Something cuts streams. See its log at that time. Raise its limit, or set STREAM_MAX_SECONDS below it:',
    'nginx: proxy_read_timeout 1h;   HAProxy: timeout server 1h   Apache: ProxyTimeout 3600',
  ],
  'one-connection': [
    'Something lets few requests through at a time; a stream takes one for as long as it lives. Raise its limit:',
    'HAProxy: maxconn of the server   nginx: limit_conn, worker_connections   Apache: MaxRequestWorkers',
  ],
  'strips-last-event-id': [
    'Something removes the header Last-Event-ID: a native EventSource loses events without notice. Pass it on:',
    'nginx: proxy_set_header Last-Event-ID $http_last_event_id;   CDN: forward this header',
    'This client does not need the header.',
  ],
  'stale-polls': [
    'A cache keeps polls longer than their Cache-Control allows. Make it obey, or bypass it for /api/events:',
    'nginx: no proxy_cache_valid and no proxy_ignore_headers there   Varnish: return (pass) for /api/',
  ],
  'cuts-polls': [
    'Something cuts requests that wait for an answer. The client learns to wait less long. To stop the cuts,',
    'raise the limit (nginx: proxy_read_timeout 60s;   HAProxy: timeout server 60s), or set POLL_MODE=short.',
  ],
  'rate-limit': [
    'Something limits the rate of requests. Many readers may share one address. Raise the limit for /api/:',
    'nginx: limit_req with a larger rate and burst, limit_req_status 429   CDN: a rule for /api/',
  ],
  'no-gap': ['The server does not report lost events. Check that it runs the latest version.'],
  'no-end': [
    'Something changes the status 204, or the server is an older version: a native EventSource comes back for ever',
    'to a channel that has ended. Pass 204 on for /api/stream. This client does not need it.',
  ],
  'loses-events': ['This must not happen. Please report it with the output of --json.'],
};
