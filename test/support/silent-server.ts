import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { until } from './until.js';

/** A port whose connections do not come about, as with packets that are lost, until it is resumed. */
export interface SilentServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /**
   * Connections that wait come about at the next packet that is sent again, about a second after the one
   * before.
   */
  resume(): void;
}

const program = `require('node:net').createServer((socket) => socket.on('error', () => 0))
  .listen({ host: process.argv[1], port: 0, backlog: 1 }, function () { process.send(this.address().port) })`;

/** A process that is stopped, with its queue of connections filled up. */
export async function startSilentServer(host = '127.0.0.1'): Promise<SilentServer> {
  const child = spawn(process.execPath, ['-e', program, host], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [port] = (await once(child, 'message')) as [number];
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  let connected = 0;
  for (let n = 0; n < 8; n++) {
    const filler = connect({ host, port });
    filler.on('connect', () => connected++);
    filler.on('error', () => undefined);
    fillers.push(filler);
  }
  await until(() => connected >= 2, { what: 'the queue of connections is full' });
  return {
    host,
    port,
    resume() {
      child.kill('SIGCONT');
    },
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
