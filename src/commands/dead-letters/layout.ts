import type { StoredDeadLetter } from '../../replay/dead-letter-stream.js';

/** The facts of a dead letter, for machines; everything but its bytes. */
export function letterFacts(letter: StoredDeadLetter): Record<string, unknown> {
  const { id, queue, messageId, attempt, code, reason, at, done, body } = letter;
  return {
    id,
    time: isoTime(letter.timeMs),
    queue,
    messageId,
    attempt,
    enqueueTime: isoTime(letter.enqueuedAtMs),
    code,
    reason,
    at,
    bytes: body.length,
    ...(done && { done: done.at, eventId: done.eventId }),
  };
}

const columns = [10, 26, 28, 26] as const;

export const listHead = padded(['ID', 'TIME', 'QUEUE', 'CODE', 'REASON']);

/** One line for people. */
export function letterLine({ id, timeMs, queue, code, reason, at }: StoredDeadLetter): string {
  return padded([String(id), isoTime(timeMs), queue, code, at === '' ? reason : `${reason} (${at})`]);
}

/** The bytes as `hexdump -C` shows them: offset, sixteen bytes, and their characters. */
export function hexDump(bytes: Uint8Array): string {
  const lines = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = bytes.subarray(offset, offset + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0'));
    const characters = Buffer.from(row)
      .toString('latin1')
      .replace(/[^ -~]/g, '.');
    const halves = `${hex.slice(0, 8).join(' ').padEnd(23)}  ${hex.slice(8).join(' ').padEnd(23)}`;
    lines.push(`${offset.toString(16).padStart(8, '0')}  ${halves}  |${characters}|\n`);
  }
  return lines.join('');
}

/**
 * Text that cannot steer a terminal: control and invisible characters are written as `\u{…}`, line breaks
 * stay.
 */
export function printable(text: string): string {
  return text.replace(
    /[^\P{C}\n]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  );
}

/** An ISO time; `unknown` for what is none. */
export function isoTime(timeMs: number): string {
  return Number.isNaN(timeMs) ? 'unknown' : new Date(timeMs).toISOString();
}

function padded(cells: readonly string[]): string {
  const line = cells.map((cell, index) => cell.padEnd(columns[index] ?? 0)).join(' ');
  return `${printable(line.replaceAll('\n', ' ')).trimEnd()}\n`;
}
