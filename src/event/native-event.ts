/** An event that is understood, as against one that is only passed on. */
export interface NativeEventBase {
  readonly kind: string;
  /** UTC, `yyyy-MM-ddTHH:mm:ssZ`, perhaps with a fraction of a second. */
  readonly eventTime: string;
  readonly mediaId: string;
}

/**
 * The fields of an event as VOD sends them, each checked when it is asked for. What has not the form throws.
 */
export interface EventFields {
  /** A text that is not empty, and no JSON in a string. */
  text(name: string): string;
  instant(name: string): string;
  /** Undefined for an empty text, null, or no field. */
  optionalText(name: string): string | undefined;
  /** As `optionalText`, and no JSON in a string. */
  optionalName(name: string): string | undefined;
  /** Texts separated by commas, or an array of them. Empty when there are none. */
  texts(name: string): string[];
  /** The fields that the type does not name. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** Everything that is particular to one type of event. All stages ask here. */
export interface NativeEventType<E extends NativeEventBase = NativeEventBase> {
  readonly kind: E['kind'];
  /**
   * The `EventType` as VOD writes it: the end of the CloudEvents `type`, and the first token of the subject.
   */
  readonly eventType: string;
  /** The `dataschema`: the `$id` of `data` in a file of `schema/`, whose own is this and `:cloud-event`. */
  readonly schema: string;
  /** The names of the fields that `read` may ask for. */
  readonly fields: readonly string[];
  read(fields: EventFields): E;
  /**
   * Tells two events of one source and type apart: the part of the event id that follows these. Never change
   * it.
   */
  identity(event: E): readonly unknown[];
  /** The tokens of the subject after the type. */
  subjectTokens(event: E): readonly string[];
  /** The CloudEvents `subject`. */
  cloudEventSubject(event: E): string;
  /** `data` of the CloudEvent, and the event that was made into it. */
  toData(event: E): Readonly<Record<string, unknown>>;
  fromData(data: Readonly<Record<string, unknown>>, eventTime: string): E;
}
