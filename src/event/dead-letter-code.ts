/** Why a body is not an event, and what each code means. The documentation is generated from this list. */
export const undecodableCodes = {
  'empty-body': 'The body, or what it carries inside an envelope or Base64, is empty or only blanks.',
  'not-json': 'The text is neither JSON, nor strict Base64, nor a topic notification.',
  'not-an-object': 'The text is JSON, but not a JSON object.',
  'too-deep': 'The JSON is nested more than 64 levels deep.',
  'base64-not-utf8': 'The text is strict Base64, but its bytes are not UTF-8.',
  'envelope-invalid': 'The topic notification around the event is malformed, refused, or inside another one.',
  'not-a-vod-event':
    'The object is not an event of ApsaraVideo VOD: EventType is missing, or it is another vendor’s.',
  'field-missing': 'A required field of DeleteMediaComplete is absent or null.',
  'field-invalid': 'A field of DeleteMediaComplete has the wrong type or form.',
} as const;

/** Why the relay gave up on a message for a reason other than what its body says. */
const relayCodes = {
  'body-not-utf8': 'The bytes of the message are not UTF-8.',
  'body-illegal-characters':
    'The message holds characters that XML forbids, so that its body may not be as sent.',
  'message-damaged':
    'Another element of the message than its body holds what XML forbids, or lacks what it must hold; the body of the dead letter is the whole message as XML.',
  'attempts-exhausted':
    'The message was received as often as the configuration allows without being published.',
  'foreign-refused':
    'The event is of another type than DeleteMediaComplete, and the configuration refuses those.',
  'publish-rejected': 'NATS refuses the event for good, for example because it is too large.',
} as const;

/** Why the follow-up half gave up on a message of the streams. */
export const followUpCodes = {
  'follow-up-failed':
    'The follow-up of an event has failed for good; the body is its outcome, with all that a replay needs.',
  'follow-up-unreadable':
    'A message in VOD_EVENTS or VOD_FOLLOW_UPS is no event of this program; a replay leaves it.',
} as const;

/** Every code a dead letter can carry, with its meaning in one line. */
export const deadLetterCodes = { ...undecodableCodes, ...relayCodes, ...followUpCodes } as const;

export type UndecodableCode = keyof typeof undecodableCodes;
export type DeadLetterCode = keyof typeof deadLetterCodes;
