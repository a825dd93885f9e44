/**
 * What a host tells over HTTP of how it is: `/livez` (restart it if not 200), `/readyz` (whether it
 * serves all that it should) and `/metrics`. Both of the first two say in words what is wrong.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { prometheusType } from './prometheus.ts';

export interface Probes {
  /** What a restart would mend, a sentence each. */
  readonly dead: () => readonly string[];
  /** What keeps the host from serving, a sentence each. */
  readonly troubles: () => readonly string[];
  /** Prometheus text. */
  readonly metrics: () => string;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Whoever asks slowly, or not at all, holds nothing open for long. */
const patience = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const connectionsMax = 64;

/** Listens on all addresses of the machine; rejects if the port is taken. Port 0: a free one. */
export async function startHealthServer(port: number, probes: Probes): Promise<HealthServer> {
  const server = createServer(patience, (request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(response, 405, 'Ask with GET.\n');
    } else if (path === '/livez') {
      probe(response, probes.dead());
    } else if (path === '/readyz') {
      probe(response, probes.troubles());
    } else if (path === '/metrics') {
      answer(response, 200, probes.metrics(), prometheusType);
    } else {
      answer(response, 404, 'There is /livez, /readyz and /metrics.\n');
    }
  });
  makeRoom(server);
  server.listen(port);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(
      `MILLRACE_HEALTH_PORT: port ${port} cannot be used (${String(error)}). Name a free one.`,
      { cause: error },
    );
  }
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The oldest connection gives way to the newest: whoever only holds them open keeps no probe out. */
function makeRoom(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size > connectionsMax) oldest?.destroy();
  });
}

function probe(response: ServerResponse, wrong: readonly string[]): void {
  if (wrong.length === 0) answer(response, 200, 'ok\n');
  else answer(response, 503, wrong.map((sentence) => `${sentence}\n`).join(''));
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(text);
}
