import { spawn } from 'node:child_process';

/**
 * Runs a command and resolves with `{ code, output }`; never rejects. With `show`, its output goes to stderr
 * as it comes, because stdout belongs to the command that the set-up prepares (`npm run demo -- --json`).
 */
export function run(command, args, { cwd, env = process.env, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', show ? 2 : 'pipe', show ? 2 : 'pipe'] });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}` }));
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 128, output: signal ? `${output}${signal}` : output }),
    );
  });
}

/** A failure with a message for a person: printed without a stack trace. */
export class SetupError extends Error {}

export function say(text) {
  console.error(`set-up: ${text}`);
}
