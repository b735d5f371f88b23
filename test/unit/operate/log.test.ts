import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../../../deploy/local/nats-server.mjs';

const program = `
  import { createLog } from '${join(projectRoot, 'dist', 'operate', 'log.js')}';
  const log = createLog('info');
  for (let n = 0; n < 20; n++) log.info({ n }, 'line');
  process.exit(0);
`;

t.test('what a process says last is all there, in its order', async (t) => {
  const outputs = Array.from({ length: 12 }, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(child, 'close');
    return text;
  });
  for (const text of await Promise.all(outputs)) {
    const lines = text.trim().split('\n');
    t.same(
      lines.map((line) => (JSON.parse(line) as { n: number }).n),
      Array.from({ length: 20 }, (_, n) => n),
    );
  }
});
