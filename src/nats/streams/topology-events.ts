export interface TopologyEvents {
  streamCreated(stream: string): void;
  /** A window was lengthened: the stream knows no id that was stored before this epoch time. */
  idsKnownSince?(stream: string, sinceMs: number, windowMs: number): void;
  /** The stream was looked at: how long it remembers ids, and how long it should. */
  windowSeen?(stream: string, windowMs: number, wantedMs: number): void;
  /** The stream differs from the config in something that is left as it is. */
  streamDiffers(stream: string, differences: readonly string[]): void;
  /** NATS refuses to let it remember ids for as long as is wanted; the operator's command does. */
  windowRefused(stream: string, windowMs: number, wantedMs: number, command: string): void;
  declareFailed(stream: string, reason: string, retryInMs: number): void;
}
