/**
 * Answers are built as "wire strings": one character per byte of the UTF-8 answer (latin1). Bodies with any
 * bytes can be joined with tags cheaply this way, and the answer is written with the latin1 encoding, byte
 * for byte.
 */
export type WireString = string;

const prolog = '<?xml version="1.0" ?>\n';
const namespace = 'xmlns="http://mns.aliyuncs.com/doc/v1"';

const indents = ['', '  ', '    ', '      ', '        '];

/** The replacement of each byte; undefined for a byte that stays as it is. */
const replacements: (string | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x26) return '&amp;';
  if (byte === 0x3c) return '&lt;';
  if (byte === 0x3e) return '&gt;';
  // A raw CR would reach the reader as LF; the other controls are not XML at all, and real servers still emit
  // them.
  if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a) return `&#${byte};`;
  return undefined;
});

/**
 * Escapes bytes for the text of an element. Invalid UTF-8 is passed through as it is; the two code points
 * that are valid UTF-8 but no XML characters (U+FFFE and U+FFFF) become numeric references.
 */
export function escapeBytes(bytes: Buffer): WireString {
  let escaped = '';
  let copied = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    let length = 1;
    let replacement = replacements[byte];
    if (
      byte === 0xef &&
      bytes[index + 1] === 0xbf &&
      (bytes[index + 2] ?? 0) >= 0xbe &&
      (bytes[index + 2] ?? 0) <= 0xbf
    ) {
      replacement = bytes[index + 2] === 0xbe ? '&#65534;' : '&#65535;';
      length = 3;
    }
    if (replacement === undefined) continue;
    if (index > copied) escaped += bytes.toString('latin1', copied, index);
    escaped += replacement;
    index += length - 1;
    copied = index + 1;
  }
  return copied === 0 ? bytes.toString('latin1') : escaped + bytes.toString('latin1', copied);
}

/** Escapes a string for the text of an element. */
export function escapeText(text: string): WireString {
  return escapeBytes(Buffer.from(text, 'utf8'));
}

/** One line of an answer: an element whose text needs no escaping, or is escaped already. */
export function line(depth: number, name: string, text: WireString | number): WireString {
  return `${indents[depth] ?? ''}<${name}>${text}</${name}>\n`;
}

/** A whole answer: prolog, root with the namespace, and the given lines in it. */
export function document(root: string, lines: WireString): WireString {
  return lines === ''
    ? `${prolog}<${root} ${namespace}/>\n`
    : `${prolog}<${root} ${namespace}>\n${lines}</${root}>\n`;
}

/** An `<Error>` answer. */
export function errorDocument(code: string, message: string, requestId: string, host: string): WireString {
  return document(
    'Error',
    line(1, 'Code', code) +
      line(1, 'Message', escapeText(message)) +
      line(1, 'RequestId', requestId) +
      line(1, 'HostId', escapeText(host)),
  );
}
