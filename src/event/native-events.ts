import { deleteMediaComplete } from './delete-media-complete.js';
import type { NativeEventType } from './native-event.js';

/** The types of events that are understood: one line, one file and one schema for each. */
export const nativeEventTypes = [deleteMediaComplete] as const;

export type NativeEvent = ReturnType<(typeof nativeEventTypes)[number]['read']>;

/** The type of this `EventType`; undefined for a foreign one. */
export function nativeTypeNamed(eventType: string): NativeEventType<NativeEvent> | undefined {
  return nativeEventTypes.find((type) => type.eventType === eventType);
}

export function nativeTypeOf({ kind }: NativeEvent): NativeEventType<NativeEvent> {
  const found = nativeEventTypes.find((type) => type.kind === kind);
  if (!found) throw new Error(`there is no native event ${kind}`);
  return found;
}
