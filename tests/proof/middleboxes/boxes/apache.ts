import { existsSync } from 'node:fs';
import { apache } from '../../../run/tools.ts';
import type { Middlebox } from '../middlebox.ts';
import { isRoot, type Place, type ProgramKind, programBox } from './program-box.ts';

const kind: ProgramKind = {
  program: apache,
  file: 'apache.conf',
  args: ({ config }) => ['-f', config, '-D', 'FOREGROUND'],
};

/** The folder of the modules: on Debian, and elsewhere. */
const modules =
  ['/usr/lib/apache2/modules', '/usr/lib/httpd/modules'].find((path) => existsSync(path)) ?? 'modules';

const load = (...names: readonly string[]) =>
  names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n');

const configure =
  (lines: string) =>
  ({ port, target, folder }: Place): string =>
    `
ServerRoot ${folder}
ServerName 127.0.0.1
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${load('mpm_event', 'authz_core', 'proxy', 'proxy_http', 'filter', 'deflate', 'buffer')}
${isRoot ? 'User www-data\nGroup www-data' : ''}
ProxyPass / http://127.0.0.1:${target.port}/
${lines}
`;

/** Apache as a proxy in front of the server. */
export const apacheBoxes: readonly Middlebox[] = [
  programBox(kind, { name: 'apache', title: 'Apache with `ProxyPass` alone' }, configure('')),
  programBox(
    kind,
    { name: 'apache-deflate', title: 'Apache with `mod_deflate` for everything' },
    configure('SetOutputFilter DEFLATE'),
  ),
  programBox(
    kind,
    { name: 'apache-buffer', title: 'Apache with `mod_buffer`' },
    configure('SetOutputFilter BUFFER'),
  ),
  programBox(kind, { name: 'apache-5s', title: 'Apache with `ProxyTimeout 5`' }, configure('ProxyTimeout 5')),
];
