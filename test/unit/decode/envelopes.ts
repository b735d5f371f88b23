import { readFileSync } from 'node:fs';

/** A file of `test/fixtures/events`, as it is. */
export function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/events/${name}`, import.meta.url), 'utf8');
}

export function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** The JSON an MNS topic delivers for `message`. */
export function jsonNotification(message: string): string {
  return fixture('topic-notification.json').replace('"@MESSAGE@"', () => JSON.stringify(message));
}

/** The XML an MNS topic delivers for `message`. */
export function xmlNotification(message: string): string {
  const escaped = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(']]>', ']]&gt;');
  return fixture('topic-notification.xml').replace('@MESSAGE@', () => escaped);
}
