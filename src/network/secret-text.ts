import { readFileSync } from 'node:fs';

/**
 * The secret in a file: one line of text, with or without a line break at its end.
 * @throws Error with a `code`, and without the path or the text, when there is no such line.
 */
export function readSecretText(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/(?<![\r\n])[\r\n]+$/, '');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(`the file cannot be read (${code})`), { code });
  }
  if (text === '') throw Object.assign(new Error('the file it names is empty'), { code: 'EmptyFile' });
  if (/\p{Cc}/u.test(text)) {
    throw Object.assign(new Error('the file it names holds more than one line of text'), {
      code: 'NotOneLine',
    });
  }
  return text;
}
