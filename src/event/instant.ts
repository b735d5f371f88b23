const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;

/**
 * Whether `text` is an instant in the form VOD documents for EventTime, `yyyy-MM-ddTHH:mm:ssZ`, that exists
 * on the calendar and the clock. A fraction of up to nine digits is accepted. Every such text is a valid RFC
 * 3339 date-time.
 */
export function isInstant(text: string): boolean {
  if (!form.test(text)) return false;
  // Date rolls the 30th of February and the hour 24 over to another day, and answers NaN to anything worse.
  return new Date(text).getUTCDate() === Number(text.slice(8, 10));
}
