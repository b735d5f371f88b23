import fc from 'fast-check';
import type { NativeEvent } from '../../../src/event/native-events.js';
import type { DeleteMediaComplete } from '../../../src/event/delete-media-complete.js';

/** Any JavaScript string, lone surrogates and control characters included. */
export const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(...Buffer.from('.*> \r\n\t%/-_"\\'))))
  .map((units) => String.fromCharCode(...units));

export const nonEmptyText = anyText.filter((text) => text !== '');

/** Whatever JSON.parse can return, `__proto__` keys included. */
export const anyJson = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 });

export const anyEventTime = fc
  .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('2999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => `${date.toISOString().slice(0, 19)}Z`);

/** A DeleteMediaComplete as decoding can produce it, however odd. */
export const anyDeleteMediaComplete: fc.Arbitrary<DeleteMediaComplete> = fc
  .record({
    eventTime: anyEventTime,
    status: fc.oneof(fc.constantFrom('success', 'fail'), nonEmptyText),
    mediaType: fc.oneof(fc.constantFrom('video', 'image'), nonEmptyText),
    deleteType: fc.oneof(fc.constantFrom('all', 'stream'), nonEmptyText),
    mediaId: nonEmptyText,
    jobIds: fc.array(nonEmptyText),
    error: fc.option(fc.record({ code: nonEmptyText, message: nonEmptyText }, { requiredKeys: ['code'] }), {
      nil: undefined,
    }),
    extra: fc.dictionary(anyText, anyJson),
  })
  .map(({ error, ...rest }) => ({
    kind: 'delete-media-complete',
    ...rest,
    ...(error === undefined ? {} : { error }),
  }));

/** Each native event, however odd. */
export const anyNativeEvent: {
  readonly [Kind in NativeEvent['kind']]: fc.Arbitrary<Extract<NativeEvent, { kind: Kind }>>;
} = { 'delete-media-complete': anyDeleteMediaComplete };
