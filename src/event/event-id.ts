import { createHash } from 'node:crypto';
import type { FollowUp } from './follow-up.js';
import { minifyJson } from './minify-json.js';
import { nativeTypeOf } from './native-events.js';
import type { VodEvent } from './vod-event.js';

/**
 * The identity of an event: the CloudEvents `id` and the `Nats-Msg-Id`. The same event always has the same
 * id, on every replica and however often or under whatever MessageId MNS delivers it.
 *
 * The id is the first 128 bits of SHA-256, as 32 lower-case hexadecimal digits, over the UTF-8 bytes of a
 * JSON array without blanks, its strings escaped as RFC 8785 says (as `JSON.stringify` does):
 *
 *     [source, "DeleteMediaComplete", EventTime, Status, MediaType, DeleteType, MediaId, JobIds, ErrorCode]
 *
 * JobIds is an array sorted by UTF-16 code units, `[]` when there are none; ErrorCode is `null` when there is
 * none. All of it is in the published event: `source`, `time` and `data`. The vendor's success sample gives
 *
 *     ["acs:vod:cn-shanghai:1234567890123456","DeleteMediaComplete","2017-03-20T07:49:17Z","success","video","all","1234343b689jsi3ka5422dfe1e47****",[],null]
 *     1182a23a22fc16314bb5d7834f526ba9
 *
 * and its fail sample, which differs in `"fail"` and `"InvalidVideo.NotFound"`,
 *
 *     43fead3f028e6a5ed9ec013380194679
 *
 * ErrorMessage and unknown fields are left out: they describe the event, they do not tell two events apart.
 *
 * A foreign event is known only by its text: `["foreign", source, text]`, where text is its JSON without the
 * blanks between tokens. Parsing and printing it instead would merge two events that differ in a number
 * beyond 2^53 only, and so lose one.
 */
export function eventId(source: string, event: VodEvent): string {
  if (event.kind === 'foreign') return hash128(JSON.stringify(['foreign', source, minifyJson(event.json)]));
  const type = nativeTypeOf(event);
  return hash128(JSON.stringify([source, type.eventType, ...type.identity(event)]));
}

/**
 * The `Nats-Msg-Id` of a dead letter: the same for every delivery of one message, whatever the reason, so
 * that its bytes are kept once. SHA-256 as above, over `["dead-letter", queue, messageId]`, a line feed, and
 * the body.
 */
export function deadLetterId(queue: string, messageId: string, body: string | Uint8Array): string {
  return hash128(`${JSON.stringify(['dead-letter', queue, messageId])}\n`, body);
}

/**
 * The `Nats-Msg-Id` of an event that a replay sends although the stream may have it: an id of this replay's
 * own, so that a replay that is resumed repeats nothing. SHA-256 as above, over `["replay", replayId,
 * eventId]`.
 */
export function replayedEventId(replayId: string, eventId: string): string {
  return hash128(JSON.stringify(['replay', replayId, eventId]));
}

/** The `Nats-Msg-Id` of a dead letter that is kept under another code or reason; `id` is the one it had. */
export function recodedDeadLetterId(id: string, code: string, reason: string): string {
  return hash128(JSON.stringify(['dead-letter', id, code, reason]));
}

/**
 * The id of the event that tells an outcome of a follow-up, and its `Nats-Msg-Id`. All final outcomes of one
 * follow-up share one id, whatever they are: a process that dies between the outcome and its ack, and comes
 * to another outcome the next time, cannot record two. SHA-256 as above, over
 *
 *     ["follow-up", eventId, replayId]
 *     ["follow-up", eventId, replayId, "postponed", n]
 *
 * where replayId is `null` outside a replay. The second form is for the nth postponement, counted from 1, so
 * that each is recorded, once. All of it is in the published event: `replayid` and `data`.
 *
 * @param postponement n; undefined for a final outcome.
 */
export function followUpId(
  followUp: Pick<FollowUp, 'eventId' | 'replayId'>,
  postponement: number | undefined,
): string {
  const key = ['follow-up', followUp.eventId, followUp.replayId ?? null];
  return hash128(JSON.stringify(postponement === undefined ? key : [...key, 'postponed', postponement]));
}

function hash128(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 32);
}
