/**
 * The next `Nats-Msg-Id` for a publication whose id the stream refuses as a duplicate of a message that it
 * does not hold: the id, `@`, and the sequence number that the stream named. All replicas come to the same
 * one, and so on: `<id>@<sequence>@<sequence>`. No id of this program ends like that by itself.
 */
export function nextMessageId(id: string, absentSeq: number): string {
  return `${id}@${absentSeq}`;
}

/** The id before it had to be another. */
export function firstMessageId(id: string): string {
  const parts = id.split('@');
  let length = parts.length;
  while (length > 1 && /^\d+$/.test(parts[length - 1] ?? '')) length--;
  return parts.slice(0, length).join('@');
}
