import { squid } from '../../../run/tools.ts';
import type { Middlebox } from '../middlebox.ts';
import { isRoot, type Place, type ProgramKind, programBox } from './program-box.ts';

const kind: ProgramKind = {
  program: squid,
  file: 'squid.conf',
  args: ({ config }) => ['-N', '-f', config],
};

const configure =
  (lines: string) =>
  ({ port, target, folder }: Place): string =>
    `
http_port 127.0.0.1:${port} accel defaultsite=127.0.0.1
cache_peer 127.0.0.1 parent ${target.port} 0 no-query no-digest originserver
http_access allow all
cache_mem 8 MB
access_log none
cache_log ${folder}/cache.log
cache_store_log none
pid_filename ${folder}/squid.pid
coredump_dir ${folder}
shutdown_lifetime 0 seconds
${isRoot ? 'cache_effective_user proxy' : ''}
${lines}
`;

/** Squid as a proxy in front of the server. */
export const squidBoxes: readonly Middlebox[] = [
  programBox(kind, { name: 'squid', title: 'Squid with its defaults' }, configure('')),
  programBox(
    kind,
    { name: 'squid-5s', title: 'Squid with `read_timeout 5 seconds`' },
    configure('read_timeout 5 seconds'),
  ),
];
