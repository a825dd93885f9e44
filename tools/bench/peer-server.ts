/**
 * Restate (https://restate.dev), a durable execution engine, as something to compare with: its server
 * and a service of ours written with its SDK. It is no dependency: `npm install` brings it, on demand,
 * into a folder of its own.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { z } from 'zod';
import { freePort, startServer } from '../server-process.ts';

/** What the comparison was made with; another version is another comparison. */
export const peerVersions = {
  '@restatedev/restate-server': '1.7.12',
  '@restatedev/restate-sdk': '1.17.2',
};

export interface Peer {
  /** Where requests go: `<ingress>/account/<id>/deposit`. */
  readonly ingress: string;
  readonly server: number;
  readonly service: number;
}

/** Installs the peer, unless it is there, and returns its folder. */
export async function installPeer(): Promise<string> {
  const folder = resolve('.millrace', 'peer', Object.values(peerVersions).join('-'));
  if (existsSync(executableIn(folder))) return folder;
  await mkdir(folder, { recursive: true });
  const manifest = { private: true, dependencies: peerVersions };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawn('npm', ['install', ...options], { cwd: folder, stdio: ['ignore', 2, 2] });
  const status = await new Promise<number | string>((settle) => {
    npm.on('error', (error) => settle(error.message));
    npm.on('exit', (code, signal) => settle(code ?? signal ?? 'unknown'));
  });
  if (status === 0 && existsSync(executableIn(folder))) return folder;
  throw new Error(
    `npm could not install ${Object.entries(peerVersions)
      .map((pair) => pair.join('@'))
      .join(' and ')} ` +
      `into ${folder} (${status}). The comparison needs the npm registry once, and a platform for which ` +
      'the peer is published: Linux or macOS, x64 or arm64.',
  );
}

const executableIn = (folder: string): string => {
  const platform = `restate-server-${process.platform}-${process.arch}`;
  return join(folder, 'node_modules/@restatedev', platform, 'bin/restate-server');
};

/** Starts server and service with data in a folder, and makes them known to each other. */
export async function startPeer(
  folder: string,
  dir: string,
  stack: AsyncDisposableStack,
): Promise<Peer> {
  await mkdir(dir, { recursive: true });
  const ports = { own: await freePort(), ingress: await freePort(), admin: await freePort() };
  await writeFile(join(dir, 'restate.toml'), configuration(ports));
  const program = {
    name: 'restate-server',
    path: executableIn(folder),
    arguments: ['--config-file', 'restate.toml', '--base-dir', 'data', '--no-logo'],
    dir,
    logFile: join(dir, 'restate.log'),
  };
  const ingress = `http://127.0.0.1:${ports.ingress}`;
  const admin = `http://127.0.0.1:${ports.admin}`;
  const server = await startServer(
    program,
    async () => (await answers(`${admin}/health`)) && answers(`${ingress}/restate/health`),
  );
  stack.defer(() => server.stop());
  const service = fork(
    join(import.meta.dirname, `peer-service${extname(import.meta.filename)}`),
    [folder],
    { env: { ...process.env, NODE_ENV: 'production' } },
  );
  stack.defer(() => service.disconnect());
  const [port] = z
    .tuple([z.number()])
    .rest(z.unknown())
    .parse(await once(service, 'message'));
  await register(`${admin}/deployments`, `http://127.0.0.1:${port}`);
  return { ingress, server: server.pid, service: service.pid ?? 0 };
}

/** Its own defaults otherwise: one replica, and a log whose every write is fsynced. */
const configuration = (ports: { own: number; ingress: number; admin: number }): string => `\
bind-ip = "127.0.0.1"
bind-port = ${ports.own}
listen-mode = "tcp"
disable-telemetry = true
log-filter = "warn"
[ingress]
bind-port = ${ports.ingress}
[admin]
bind-port = ${ports.admin}
`;

async function answers(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}

async function register(url: string, uri: string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri }),
  });
  const said = await response.text();
  if (!response.ok) throw new Error(`the peer did not take its service: ${said}`);
}
