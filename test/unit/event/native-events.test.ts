/** Each type of event that is understood keeps the promises that every stage relies on. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import t from 'tap';
import { decodeBody } from '../../../src/decode/decode-body.js';
import { fromCloudEvent, toCloudEvent } from '../../../src/event/cloud-event.js';
import { eventId } from '../../../src/event/event-id.js';
import { nativeEventTypes } from '../../../src/event/native-events.js';
import { eventSource, eventTypeOf } from '../../../src/event/vod-event.js';
import { anyNativeEvent } from './arbitrary-events.js';

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
const folder = new URL('../../../src/event/schema/', import.meta.url);
for (const name of readdirSync(folder))
  ajv.addSchema(JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as object);

const enqueued = '2026-09-25T01:28:34.123Z';
const origin = { region: 'cn-shanghai', account: '1', queue: 'q' };

for (const type of nativeEventTypes) {
  t.test(type.eventType, async (t) => {
    const isValid = ajv.getSchema(`${type.schema}:cloud-event`);
    t.ok(isValid, `src/event/schema has a schema with the id ${type.schema}:cloud-event`);
    const empty = decodeBody(JSON.stringify({ EventType: type.eventType }));
    t.match(empty, { kind: 'undecodable', code: 'field-missing' }, 'it is not taken for a foreign event');
    fc.assert(
      fc.property(anyNativeEvent[type.kind], (event) => {
        const message = toCloudEvent(event, origin, enqueued);
        if (!isValid?.(JSON.parse(message.body))) throw new Error(JSON.stringify(isValid?.errors));
        const stored = fromCloudEvent(message.body);
        if (!stored) throw new Error('it is not read back');
        t.equal(stored.event.kind, type.kind);
        t.equal(eventTypeOf(stored.event), type.eventType);
        t.same(toCloudEvent(stored.event, origin, enqueued), message, 'nothing is lost on the way');
        t.equal(eventId(eventSource(origin), stored.event), stored.id, 'consumers can recompute the id');
      }),
    );
  });
}

t.test('no two types have a name, a kind or a schema in common', (t) => {
  for (const key of ['eventType', 'kind', 'schema'] as const) {
    const values = nativeEventTypes.map((type) => type[key]);
    t.equal(new Set(values).size, values.length, key);
  }
  t.end();
});
