/**
 * The tokens that may come next. `…-or-end` also admits the bracket that closes an array or object just
 * opened.
 */
type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end';

const blank = /[\t\n\r ]*/y;
const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

/**
 * The offset of the first token that makes `text` not JSON, or undefined if it is JSON. V8's own error gives
 * the position only sometimes, and always with a piece of the text. Does not recurse.
 */
export function jsonFaultOffset(text: string): number | undefined {
  const open: string[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    at = matchEnd(blank, text, at) ?? at;
    const character = text[at];
    if (character === undefined) return expected === 'comma-or-end' && open.length === 0 ? undefined : at;

    if (closes(character, expected, open.at(-1))) {
      open.pop();
      expected = 'comma-or-end';
      at++;
    } else if (expected === 'comma-or-end') {
      if (character !== ',' || open.length === 0) return at;
      expected = open.at(-1) === '{' ? 'key' : 'value';
      at++;
    } else if (expected === 'colon') {
      if (character !== ':') return at;
      expected = 'value';
      at++;
    } else if (expected === 'key' || expected === 'key-or-end') {
      const end = stringEnd(text, at);
      if (end === undefined) return at;
      expected = 'colon';
      at = end;
    } else if (character === '{' || character === '[') {
      open.push(character);
      expected = character === '{' ? 'key-or-end' : 'value-or-end';
      at++;
    } else {
      const end = character === '"' ? stringEnd(text, at) : matchEnd(literal, text, at);
      if (end === undefined) return at;
      expected = 'comma-or-end';
      at = end;
    }
  }
}

function closes(character: string, expected: Expected, opened: string | undefined): boolean {
  if (character === '}') return opened === '{' && (expected === 'key-or-end' || expected === 'comma-or-end');
  if (character === ']')
    return opened === '[' && (expected === 'value-or-end' || expected === 'comma-or-end');
  return false;
}

/** The offset after the string that starts at `start`; undefined if there is none or it is malformed. */
function stringEnd(text: string, start: number): number | undefined {
  if (text[start] !== '"') return undefined;
  let at: number | undefined = start + 1;
  while (at !== undefined) {
    const character: string | undefined = text[at];
    if (character === '"') return at + 1;
    if (character === undefined || character < ' ') return undefined;
    at = character === '\\' ? matchEnd(escape, text, at) : at + 1;
  }
  return undefined;
}

function matchEnd(sticky: RegExp, text: string, at: number): number | undefined {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : undefined;
}
