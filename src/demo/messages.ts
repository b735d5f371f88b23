/** The messages of the demo, each with what has to become of it. */
export interface DemoMessage {
  body?: string;
  bodyBase64?: string;
  fate: Fate;
}

/** An event is known by its key; messages with one key are one event, to be stored once. */
export type Fate = { kind: 'event' | 'foreign'; key: string } | { kind: 'dead-letter' };

/** The samples of VOD's documentation of DeleteMediaComplete, byte for byte. */
export const documentedSamples = {
  success: `{ 
    "EventType": "DeleteMediaComplete",
    "EventTime": "2017-03-20T07:49:17Z",
    "Status": "success",
    "MediaType": "video",
    "DeleteType": "all",
    "MediaId": "1234343b689jsi3ka5422dfe1e47****"
}
`,
  fail: `{ 
    "EventType": "DeleteMediaComplete",
    "EventTime": "2017-03-20T07:49:17Z",
    "Status": "fail",
    "MediaType": "video",
    "DeleteType": "all",
    "MediaId": "1234343b689jsi3ka5422dfe1e47****",
    "ErrorCode": "InvalidVideo.NotFound",
    "ErrorMessage": "The video does not exist."
}
`,
} as const;

/** `count` messages in an order that mixes all kinds; the same for every run. */
export function demoMessages(count: number): DemoMessage[] {
  const messages: DemoMessage[] = [
    event(documentedSamples.success),
    event(documentedSamples.fail),
    event(documentedSamples.success),
  ];
  for (let i = 0; messages.length < count; i++) {
    const make = recipe[i % recipe.length];
    if (make) messages.push(...make(i));
  }
  return messages.slice(0, count);
}

/** The mix of a hundred messages. */
const recipe = shares([
  [70, (i) => [event(body(i))]],
  [8, (i) => [event(body(i)), event(body(i))]],
  [5, (i) => [event(body(i), base64)]],
  [3, (i) => [event(body(i), (text) => notificationJson(text, i))]],
  [2, (i) => [event(body(i), (text) => notificationXml(base64(text), i))]],
  [5, (i) => [{ body: foreignBody(i), fate: { kind: 'foreign', key: `upload-${i}` } }]],
  [3, (i) => [deadLetter(malformed[i % malformed.length] ?? '')]],
  [2, (i) => [event(body(i, hostileIds[i % hostileIds.length]))]],
  [2, (i) => [hostile[i % hostile.length] ?? deadLetter('')]],
]);

type Recipe = (i: number) => DemoMessage[];

function shares(parts: [times: number, make: Recipe][]): Recipe[] {
  const all = parts.flatMap(([times, make]) => Array.from({ length: times }, () => make));
  // 37 has no factor in common with 100, so that this visits each once, in a mixed order.
  return all.map((_make, i) => all[(i * 37) % all.length] as Recipe);
}

function body(i: number, suffix = ''): string {
  const failed = i % 11 === 0;
  return JSON.stringify({
    EventType: 'DeleteMediaComplete',
    EventTime: new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString().replace('.000', ''),
    Status: failed ? 'fail' : 'success',
    MediaType: ['video', 'image', 'attached'][i % 3],
    DeleteType: 'all',
    MediaId: `media-${i}${suffix}`,
    ...(failed && { ErrorCode: 'DeleteVideoFailed', ErrorMessage: 'The video could not be deleted.' }),
  });
}

function event(text: string, wrap: (text: string) => string = (same) => same): DemoMessage {
  const { MediaId, Status } = JSON.parse(text) as { MediaId: string; Status: string };
  return { body: wrap(text), fate: { kind: 'event', key: eventKey(MediaId, Status) } };
}

/** How the demo tells events apart, without the id that vod-relay gives them. */
export function eventKey(mediaId: string, status: string): string {
  return `${status} ${mediaId}`;
}

function foreignBody(i: number): string {
  return `{"EventType":"FileUploadComplete","EventTime":"2026-01-01T00:00:00Z","VideoId":"upload-${i}","Size":9007199254740993}`;
}

function deadLetter(text: string): DemoMessage {
  return { body: text, fate: { kind: 'dead-letter' } };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function notificationJson(message: string, i: number): string {
  return JSON.stringify({ ...notification(i), Message: message });
}

function notificationXml(message: string, i: number): string {
  const fields = Object.entries({ ...notification(i), Message: message });
  return `<Notification>${fields.map(([name, value]) => `<${name}>${value}</${name}>`).join('')}</Notification>`;
}

function notification(i: number): Record<string, string> {
  return {
    TopicOwner: '1234567890123456',
    TopicName: 'vod-topic',
    Subscriber: '1234567890123456',
    SubscriptionName: 'to-queue',
    MessageId: i.toString(16).toUpperCase().padStart(32, '0'),
    MessageMD5: '0'.repeat(32),
    PublishTime: '1790299889032',
  };
}

const malformed = [
  'not json',
  '{"EventType":"DeleteMediaComplete"',
  '[]',
  '{"EventType":"DeleteMediaComplete","EventTime":"yesterday","Status":"success","MediaType":"video","DeleteType":"all","MediaId":"m"}',
  '{"EventType":"DeleteMediaComplete","EventTime":"2026-01-01T00:00:00Z","MediaType":"video","DeleteType":"all","MediaId":"m"}',
];

const hostileIds = ['.>', ' *', '\r\nPUB vod.event.evil 2\r\nhi\r\n', '\u0000', ' 𝄞 ☃', '%2E'];

const hostile: DemoMessage[] = [
  deadLetter(''),
  deadLetter('['.repeat(10_000)),
  deadLetter(
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><Notification><Message>&b;</Message></Notification>',
  ),
  {
    bodyBase64: Buffer.from([0x7b, 0xff, 0xfe, 0x80, 0x7d]).toString('base64'),
    fate: { kind: 'dead-letter' },
  },
  deadLetter('\u0001{"EventType":"DeleteMediaComplete"}\u0002'),
  deadLetter('{"__proto__":{"EventType":"DeleteMediaComplete"}}'),
  deadLetter('x'.repeat(64 * 1024)),
];
