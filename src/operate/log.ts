import { pino, stdTimeFunctions, type Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What may carry a secret is blotted out here too, although no caller logs it. `*` stands for one level. */
const secretPaths = [
  'accessKeySecret',
  'securityToken',
  'password',
  'token',
  'receiptHandle',
  'body',
  'authorization',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** JSON lines on standard output, written synchronously, so that the last line of a crash is there too. */
export function createLog(level: LogLevel, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretPaths, censor: '[secret]' },
  };
  return destination ? pino(options, destination) : pino(options);
}

export type { Logger };
