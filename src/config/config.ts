/**
 * The configuration as the stages see it: checked, complete, frozen. Durations are milliseconds, and secrets
 * that were given as a file or a variable are resolved. Each part is handed the slice it needs; nobody but
 * src/config knows where a value came from.
 */
export interface Config {
  /** Never empty. A run of the relay half was also promised at least one live queue. */
  readonly queues: readonly QueueConfig[];
  readonly nats: NatsConfig;
  /** How long an event id is remembered; `auto` is the largest MessageRetentionPeriod of the live queues. */
  readonly dedupe: { readonly horizonMs: number | 'auto' };
  /** The treatment of events of a type other than DeleteMediaComplete. */
  readonly foreignEvents: 'forward' | 'dead-letter' | 'discard';
  /** After so many deliveries, a message that fails for an unknown reason becomes a dead letter. */
  readonly maxAttempts: number;
  readonly followUp: FollowUpConfig;
  /** Where probes and scrapes are answered; port 0 is any free one. */
  readonly http: { readonly host: string; readonly port: number };
  /** How long a stop may take before what is in flight is abandoned. */
  readonly stop: { readonly graceMs: number };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' };
  /** Where spans go. `otlp`: the SDK of OpenTelemetry reads the rest from the environment itself. */
  readonly traces: { readonly exporter: 'otlp' | 'none' };
}

export interface QueueConfig {
  /** An MNS queue name; unique for its endpoint. */
  readonly name: string;
  /** An origin without a trailing slash: `https://<account>.mns.<region>.aliyuncs.com`. */
  readonly endpoint: string;
  /** True when plain http to a host other than this one was asked for in words. */
  readonly allowPlainHttp: boolean;
  /** Whose VOD writes to this queue. The events carry none of it. */
  readonly vod: VodConfig;
  /** A `replay` queue is read only when `vod-relay replay` names it. */
  readonly mode: 'live' | 'replay';
  /** The queue's own credentials, else the common ones. */
  readonly credentials: CredentialsConfig;
  readonly receive: ReceiveConfig;
  readonly ack: { readonly batch: number; readonly lingerMs: number };
}

/** Queues with the same region and account have the same endpoint too; their credentials may differ. */
export interface VodConfig {
  readonly region: string;
  readonly account: string;
  /**
   * The origin that follow-ups call, without a trailing slash; `https://vod.<region>.aliyuncs.com` unless
   * set.
   */
  readonly endpoint: string;
}

/** `pollers.max * batch <= maxInFlight` always holds. */
export interface ReceiveConfig {
  /** Messages asked for in one call: 1 to 16. */
  readonly batch: number;
  /** How long MNS may hold a poll: whole seconds, 0 to 30,000 ms. */
  readonly waitMs: number;
  readonly maxInFlight: number;
  readonly pollers: { readonly min: number; readonly max: number };
  /** A lease is renewed until it is this old. */
  readonly maxLeaseMs: number;
}

export interface FollowUpConfig {
  /** `verify` also calls where nothing should be left; `off` never calls. */
  readonly policy: 'orphans' | 'verify' | 'off';
  /** DeleteMultipartUpload calls a second for each account, all replicas together. */
  readonly callsPerSecond: number;
  /**
   * A media modified within it may have an upload running. Less than the 7 days after which VOD removes
   * parts.
   */
  readonly quietPeriodMs: number;
  /** True when GetVideoInfo is asked before each call. */
  readonly guard: boolean;
  /** After so many failed calls, a follow-up becomes a dead letter. */
  readonly maxAttempts: number;
}

export type CredentialsConfig =
  | ({
      readonly type: 'access_key';
      readonly accessKeyId: string;
      readonly accessKeySecret: string;
    } & CredentialsFiles)
  | ({
      readonly type: 'sts';
      readonly accessKeyId: string;
      readonly accessKeySecret: string;
      readonly securityToken: string;
    } & CredentialsFiles)
  | {
      readonly type: 'oidc_role_arn';
      readonly roleArn: string;
      readonly oidcProviderArn: string;
      readonly oidcTokenFile: string;
      readonly roleSessionName: string;
      /** A host name; the region-less STS endpoint when absent. */
      readonly stsEndpoint?: string;
    }
  | { readonly type: 'ecs_ram_role'; readonly roleName?: string };

/** Where the texts were read from, to be read again. */
export interface CredentialsFiles {
  readonly accessKeyIdFile?: string;
  readonly accessKeySecretFile?: string;
  readonly securityTokenFile?: string;
}

export interface NatsConfig {
  /** `tls://` or `nats://`, one scheme for all, no user or password inside. Never empty. */
  readonly servers: readonly string[];
  /** True when plain NATS to a host other than this one was asked for in words. */
  readonly allowPlaintext: boolean;
  /** The name the connection carries in the server's own reports. */
  readonly name: string;
  /** Safe subject tokens, joined by dots. */
  readonly prefix: string;
  /** False: streams are looked at, never created or changed. */
  readonly manageStreams: boolean;
  readonly streamReplicas: number;
  readonly retention: RetentionConfig;
  readonly maxPublishesInFlight: number;
  /** How long one publish waits for its PubAck. */
  readonly ackTimeoutMs: number;
  readonly auth: NatsAuthConfig;
  readonly tls: NatsTlsConfig;
}

/** How long each stream keeps what is in it. `followUpsMs` is at least twice `followUp.quietPeriodMs`. */
export interface RetentionConfig {
  readonly eventsMs: number;
  readonly followUpsMs: number;
  readonly deadLettersMs: number;
}

/** Files are to be read again at every connect; `token` and `password` are what was in theirs at start. */
export type NatsAuthConfig =
  | { readonly type: 'none' }
  | { readonly type: 'creds'; readonly file: string }
  | { readonly type: 'nkey'; readonly seedFile: string }
  | { readonly type: 'token'; readonly token: string; readonly tokenFile?: string }
  | {
      readonly type: 'user';
      readonly user: string;
      readonly password: string;
      readonly passwordFile?: string;
    };

/** All PEM files. `certFile` and `keyFile` come together or not at all. */
export interface NatsTlsConfig {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** TLS before the server's first line, as `handshake_first` in the server's config (2.10.4 and later). */
  readonly handshakeFirst: boolean;
}
