import { haproxy } from '../../../run/tools.ts';
import type { Middlebox } from '../middlebox.ts';
import { type Place, type ProgramKind, programBox } from './program-box.ts';

const kind: ProgramKind = {
  program: haproxy,
  file: 'haproxy.cfg',
  args: ({ config }) => ['-db', '-q', '-f', config],
};

type Lines = {
  readonly clientTimeout?: string;
  readonly serverTimeout?: string;
  readonly frontend?: string;
  /** More words of the line `server`. */
  readonly server?: string;
};

const configure =
  ({ clientTimeout = '60s', serverTimeout = '60s', frontend = '', server = '' }: Lines) =>
  ({ port, target }: Place): string =>
    `
global
  maxconn 500
defaults
  mode http
  timeout connect 5s
  timeout client ${clientTimeout}
  timeout server ${serverTimeout}
frontend readers
  bind 127.0.0.1:${port}
  ${frontend}
  default_backend app
backend app
  server app 127.0.0.1:${target.port} ${server}
`;

const gzip = 'compression algo gzip\n  compression type text/event-stream application/json';

/** HAProxy with settings that are common, and bad for streams. */
export const haproxyBoxes: readonly Middlebox[] = [
  programBox(
    kind,
    { name: 'haproxy-server-5s', title: 'HAProxy with `timeout server 5s`' },
    configure({ serverTimeout: '5s' }),
  ),
  programBox(
    kind,
    { name: 'haproxy-client-5s', title: 'HAProxy with `timeout client 5s`' },
    configure({ clientTimeout: '5s' }),
  ),
  programBox(
    kind,
    { name: 'haproxy-gzip', title: 'HAProxy with `compression algo gzip` for streams' },
    configure({ frontend: gzip }),
  ),
  programBox(
    kind,
    {
      name: 'haproxy-maxconn-1',
      title: 'HAProxy with `maxconn 1`: one request at a time, others wait for 5 s',
      countsClients: true,
    },
    configure({ server: 'maxconn 1' }),
  ),
];
