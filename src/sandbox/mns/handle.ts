/** Writes and judges receipt handles; to clients they are opaque. */
export interface HandleFormat {
  /** The handle of a delivery. No two are alike. */
  create(messageId: string, nowMs: number, visibilityMs: number): string;
  /** The id of the message a handle of this queue belongs to, or undefined for anything else. */
  messageIdOf(handle: string): string | undefined;
}

const shape = /^([0-9A-F]{32})-([A-Za-z0-9+/]+={1,2})$/;

/**
 * Handles look as those of the real service do: `{MessageId}-{base64 of slot, times and broker}`, always with
 * `=` at the end. With `isUrlSafe` false they also contain `+` and `/`, as documented ones do, so that a
 * client which puts them unencoded into a query finds out.
 */
export function createHandleFormat(broker: string, isUrlSafe: boolean): HandleFormat {
  let serial = 0;
  return {
    create(messageId, nowMs, visibilityMs) {
      serial += 1;
      const slot = serial % 8;
      let text = `${slot} ${nowMs} ${visibilityMs} ${serial} 0 ${broker} 0 ${slot}|`;
      // Base64 ends with '=' unless the length is a multiple of three; at one, '>>>???' becomes 'Pj4+Pz8/'.
      if (!isUrlSafe) text = `${text.padEnd(Math.ceil(text.length / 3) * 3)}>>>???x`;
      else if (text.length % 3 === 0) text += 'x';
      return `${messageId}-${Buffer.from(text, 'latin1').toString('base64')}`;
    },
    messageIdOf(handle) {
      const [, messageId, encoded] = shape.exec(handle) ?? [];
      if (messageId === undefined || encoded === undefined) return undefined;
      return Buffer.from(encoded, 'base64').toString('latin1').split(' ')[5] === broker
        ? messageId
        : undefined;
    },
  };
}
