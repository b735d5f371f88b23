const quote = 0x22;
const backslash = 0x5c;

/**
 * A JSON text without the blanks between its tokens; strings, numbers and the order of keys are untouched.
 * A text that is not JSON comes out as some text, without an error.
 */
export function minifyJson(json: string): string {
  let minified = '';
  let keptTo = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const character = json.charCodeAt(at);
    if (inString) {
      if (character === backslash) at++;
      else if (character === quote) inString = false;
    } else if (character === quote) {
      inString = true;
    } else if (isBlank(character)) {
      minified += json.slice(keptTo, at);
      keptTo = at + 1;
    }
  }
  return minified + json.slice(keptTo);
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x0a || character === 0x0d || character === 0x09;
}
