import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, ProgramKind } from '../../proof/middleboxes/boxes/program-box.ts';
import { isRoot, programBox } from '../../proof/middleboxes/boxes/program-box.ts';
import type { RunningBox } from '../../proof/middleboxes/middlebox.ts';
import { caddy, haproxy, nginx } from '../../run/tools.ts';
import { textBetweenMarks } from '../docs/markdown-table.ts';
import { selfSigned } from '../log/self-signed.ts';
import { root } from '../root.ts';

/** The names of the configurations in docs/deploy.md. */
export type ProxyName = 'nginx' | 'haproxy' | 'caddy';

/** What must differ on this machine: where the proxy listens, and the two processes behind it. */
type Ports = { readonly processes: readonly [number, number]; readonly tls: number };

type Proxy = {
  readonly kind: ProgramKind;
  /** The configuration of the document, with the ports and files of this machine. */
  configure(text: string, place: Place, ports: Ports): string;
};

/** @throws Error if the document does not have the text, so that nothing is tested in its place. */
function swap(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the configuration has no "${from}"`);
  return text.replaceAll(from, to);
}

const swapProcesses = (text: string, [one, two]: readonly [number, number]) =>
  swap(swap(text, '127.0.0.1:3001', `127.0.0.1:${one}`), '127.0.0.1:3002', `127.0.0.1:${two}`);

/** The lines of nginx that keep it in the foreground, and its files in the folder. */
const nginxMain = (folder: string) => `daemon off;\n${isRoot ? 'user root;' : ''}\npid ${folder}/nginx.pid;`;

/** The same for its block `http`. */
function nginxHttp(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `${temporary.join(' ')}\n  access_log off;`;
}

const proxies: Readonly<Record<ProxyName, Proxy>> = {
  nginx: {
    kind: {
      program: nginx,
      file: 'nginx.conf',
      args: ({ folder, config }) => ['-p', folder, '-c', config, '-e', 'stderr'],
    },
    configure(text, { port, folder }, { processes, tls }) {
      const listen = `listen 127.0.0.1:${port};\n  listen 127.0.0.1:${tls} ssl http2;`;
      const own = swap(swapProcesses(text, processes), 'listen 443 ssl http2;', listen);
      return `${nginxMain(folder)}
events { worker_connections 1024; }
http {
  ${nginxHttp(folder)}
  ${swap(own, '/etc/ssl/', `${folder}/`)}
}
`;
    },
  },
  haproxy: {
    kind: { program: haproxy, file: 'haproxy.cfg', args: ({ config }) => ['-db', '-q', '-f', config] },
    configure(text, { port, folder }, { processes, tls }) {
      const bind = `bind 127.0.0.1:${port}\n  bind 127.0.0.1:${tls} ssl`;
      const own = swap(swapProcesses(text, processes), 'bind :443 ssl', bind);
      return `global\n  maxconn 500\n\n${swap(own, '/etc/haproxy/', `${folder}/`)}\n`;
    },
  },
  caddy: {
    kind: {
      program: caddy,
      file: 'Caddyfile',
      args: ({ config }) => ['run', '--adapter', 'caddyfile', '--config', config],
    },
    // Without HTTPS: a certificate would come from the internet.
    configure: (text, { port, folder }, { processes }) =>
      `{\n  admin off\n  storage file_system ${folder}/caddy\n}\n\n${swap(
        swapProcesses(text, processes),
        'feed.example.com {',
        `http://127.0.0.1:${port} {`,
      )}\n`,
  },
};

/**
 * Starts a proxy with its configuration in docs/deploy.md, in front of two processes.
 * @param tls the port for HTTPS; Caddy does not use it.
 */
export function startDocumentedProxy(
  name: ProxyName,
  processes: readonly [number, number],
  tls: number,
): Promise<RunningBox> {
  const text = textBetweenMarks(readFileSync(join(root, 'docs/deploy.md'), 'utf8'), name);
  const [, snippet] = /^```\w+\n([\s\S]*)\n```$/.exec(text) ?? [];
  if (snippet === undefined) throw new Error(`the marks "${name}" do not hold one configuration`);
  const { kind, configure } = proxies[name];
  const box = programBox(kind, { name, title: `${name} of docs/deploy.md` }, (place) => {
    const file = (end: string) => join(place.folder, `feed.example.com.${end}`);
    writeFileSync(file('crt'), selfSigned.cert);
    writeFileSync(file('key'), selfSigned.key);
    writeFileSync(file('pem'), `${selfSigned.cert}${selfSigned.key}`);
    return configure(snippet, place, { processes, tls });
  });
  return box.start({ port: processes[0] });
}

/** Starts nginx with `compose.three.nginx.conf`, in front of three processes of this machine. */
export function startComposedNginx(ports: readonly [number, number, number]): Promise<RunningBox> {
  const text = readFileSync(join(root, 'compose.three.nginx.conf'), 'utf8');
  const { kind } = proxies.nginx;
  const box = programBox(kind, { name: 'nginx', title: 'nginx of compose.three.yaml' }, (place) => {
    const own = ports.reduce(
      (config, port, index) => swap(config, `10.213.7.1${index + 1}:3000`, `127.0.0.1:${port}`),
      swap(text, 'listen 80;', `listen 127.0.0.1:${place.port};`),
    );
    return `${nginxMain(place.folder)}\n${swap(own, 'http {', `http {\n  ${nginxHttp(place.folder)}`)}`;
  });
  return box.start({ port: ports[0] });
}
