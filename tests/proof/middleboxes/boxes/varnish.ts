import { varnish } from '../../../run/tools.ts';
import type { Middlebox } from '../middlebox.ts';
import { type Place, type ProgramKind, programBox } from './program-box.ts';

const kind: ProgramKind = {
  program: varnish,
  file: 'varnish.vcl',
  args: ({ port, folder, config }) => [
    ...['-F', '-n', `${folder}/work`, '-a', `127.0.0.1:${port}`, '-f', config],
    // Without jail it needs no user of its own. No port for its administration.
    ...['-j', 'none', '-T', 'none', '-s', 'malloc,16m'],
  ],
};

type Lines = { readonly backend?: string; readonly response?: string };

const configure =
  ({ backend = '', response = '' }: Lines) =>
  ({ target }: Place): string =>
    `
vcl 4.1;
backend app {
  .host = "127.0.0.1";
  .port = "${target.port}";
  ${backend}
}
sub vcl_backend_response {
  ${response}
}
`;

/** Varnish, and its settings that are bad for streams. */
export const varnishBoxes: readonly Middlebox[] = [
  programBox(kind, { name: 'varnish', title: 'Varnish with its defaults' }, configure({})),
  programBox(
    kind,
    { name: 'varnish-no-stream', title: 'Varnish with `do_stream = false`' },
    configure({ response: 'set beresp.do_stream = false;' }),
  ),
  programBox(
    kind,
    { name: 'varnish-5s', title: 'Varnish with `between_bytes_timeout` and `first_byte_timeout` of 5 s' },
    configure({ backend: '.between_bytes_timeout = 5s; .first_byte_timeout = 5s;' }),
  ),
];
