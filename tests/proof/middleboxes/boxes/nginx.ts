import { nginx } from '../../../run/tools.ts';
import type { Middlebox } from '../middlebox.ts';
import { isRoot, type Place, type ProgramKind, programBox } from './program-box.ts';

const kind: ProgramKind = {
  program: nginx,
  file: 'nginx.conf',
  args: ({ folder, config }) => ['-p', folder, '-c', config, '-e', 'stderr'],
};

/** Lines of a configuration, for the parts that differ. */
type Lines = { readonly http?: string; readonly location: string };

const configure =
  ({ http = '', location }: Lines) =>
  ({ port, target, folder }: Place): string =>
    `
daemon off;
${isRoot ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  access_log off;
  error_log /dev/null;
  ${http}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${target.port};
      proxy_set_header Host $http_host;
      ${location}
    }
  }
}
`;

const http11 = "proxy_http_version 1.1; proxy_set_header Connection '';";
// The server asks for no buffering by `X-Accel-Buffering`. Over HTTP/1.1, nginx would pass each chunk on all the same.
const buffering = 'proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;';

/** nginx with settings that are common, and bad for streams. */
export const nginxBoxes: readonly Middlebox[] = [
  programBox(kind, { name: 'nginx', title: 'nginx with `proxy_pass` alone' }, configure({ location: '' })),
  programBox(
    kind,
    { name: 'nginx-buffering', title: 'nginx with `proxy_buffering`, HTTP/1.0 to the server' },
    configure({ location: buffering }),
  ),
  programBox(
    kind,
    { name: 'nginx-gzip', title: 'nginx with `gzip` for every type' },
    configure({ http: 'gzip on; gzip_types *; gzip_proxied any;', location: `${http11} ${buffering}` }),
  ),
  programBox(
    kind,
    { name: 'nginx-5s', title: 'nginx with `proxy_read_timeout 5s`' },
    configure({ location: `${http11} proxy_read_timeout 5s;` }),
  ),
  programBox(
    kind,
    {
      name: 'nginx-limit-req',
      title: 'nginx with `limit_req` of one request a second, five at once',
      countsClients: true,
    },
    configure({
      http: 'limit_req_zone $binary_remote_addr zone=each:1m rate=1r/s;',
      location: `${http11} limit_req zone=each burst=4 nodelay;`,
    }),
  ),
  programBox(
    kind,
    {
      name: 'nginx-cache',
      title: 'nginx with `proxy_buffering`, and a cache of 30 s that ignores `Cache-Control`',
    },
    (place) =>
      configure({
        http: `proxy_cache_path ${place.folder}/cache keys_zone=all:1m use_temp_path=off;`,
        location: `proxy_buffering on; proxy_ignore_headers X-Accel-Buffering Cache-Control Expires;
          proxy_cache all; proxy_cache_key $request_uri; proxy_cache_valid 200 30s;`,
      })(place),
  ),
];
