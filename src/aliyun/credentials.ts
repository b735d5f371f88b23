import CredentialModule, { Config } from '@alicloud/credentials';
import { lastGood } from '../network/last-good.js';
import { readSecretText } from '../network/secret-text.js';
import { untilAborted, type Clock } from '../time.js';

/** An access key, with the token that STS credentials need beside it. */
export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string | undefined;
}

/** Where credentials come from: always said in the config, never guessed from the surroundings. */
export type CredentialsSource =
  | ({ type: 'access_key'; accessKeyId: string; accessKeySecret: string } & CredentialsFiles)
  | ({ type: 'sts'; accessKeyId: string; accessKeySecret: string; securityToken: string } & CredentialsFiles)
  | {
      type: 'oidc_role_arn';
      roleArn: string;
      oidcProviderArn: string;
      oidcTokenFile: string;
      roleSessionName: string;
      stsEndpoint?: string | undefined;
    }
  | { type: 'ecs_ram_role'; roleName?: string | undefined };

/** Where texts were read from, to be read again: a key may be rotated at any time. */
export interface CredentialsFiles {
  accessKeyIdFile?: string | undefined;
  accessKeySecretFile?: string | undefined;
  securityTokenFile?: string | undefined;
}

/** The source of credentials of the cache: satisfied by the client of @alicloud/credentials. */
export interface CredentialsProvider {
  getCredential(): Promise<{ accessKeyId?: string; accessKeySecret?: string; securityToken?: string }>;
}

/** Makes a provider each time it is called. @throws Error when the source lacks what its type needs. */
export function providersOf(
  source: CredentialsSource,
  onStaleFile: OnStaleFile = () => undefined,
): () => CredentialsProvider {
  if (source.type === 'access_key' || source.type === 'sts') {
    const provider = readingProvider(source, onStaleFile);
    return () => provider;
  }
  const { type, ...rest } = source;
  const { oidcTokenFile, ...fields } = rest as typeof rest & { oidcTokenFile?: string };
  // The class sits behind `.default` twice: the package is CommonJS with an __esModule mark.
  return () =>
    new CredentialModule.default(
      new Config({
        type,
        ...fields,
        ...(oidcTokenFile !== undefined && { oidcTokenFilePath: oidcTokenFile }),
      }),
    );
}

/** Told of files that cannot be used, by the key of the configuration: see `OnStale`. */
export type OnStaleFile = (key: string, error: unknown) => void;

/** The texts of the source, those from a file as they are in it now. */
function readingProvider(
  source: Extract<CredentialsSource, { type: 'access_key' | 'sts' }>,
  onStaleFile: OnStaleFile,
): CredentialsProvider {
  const reader = (text: string, key: keyof CredentialsFiles): (() => string) => {
    const file = source[key];
    if (file === undefined) return () => text;
    const onStale = (error: unknown): void => {
      onStaleFile(`credentials.${key}`, error);
    };
    return lastGood(() => readSecretText(file), onStale, text);
  };
  const accessKeyId = reader(source.accessKeyId, 'accessKeyIdFile');
  const accessKeySecret = reader(source.accessKeySecret, 'accessKeySecretFile');
  const securityToken = source.type === 'sts' ? reader(source.securityToken, 'securityTokenFile') : () => '';
  return {
    getCredential: () =>
      Promise.resolve({
        accessKeyId: accessKeyId(),
        accessKeySecret: accessKeySecret(),
        securityToken: securityToken(),
      }),
  };
}

/** Told why the last set has to do for now; undefined when the source gives some again. */
export type OnFallback = (error: unknown) => void;

/** How long a set is used before the provider is asked again; the provider renews well before expiry. */
const freshForMs = 60_000;
/** How long the provider may take. */
const answerWithinMs = 10_000;
/** After the source gave none. */
const askAgainMs = 10_000;

/**
 * Credentials for every request, from one source. One question to the source at a time, however many requests
 * wait; each question has a deadline; and a provider that failed is thrown away, because the package's
 * providers back off for ever longer and hand out expired credentials without an error meanwhile. While the
 * source gives none, the last set is used until it is refused: most live on for a good while.
 */
export class CredentialsCache {
  readonly #create: () => CredentialsProvider;
  readonly #clock: Clock;
  readonly #onFallback: OnFallback;
  #provider: CredentialsProvider | undefined;
  #cached: Credentials | undefined;
  #freshUntilMs = 0;
  /** The source gave none the last time: nobody waits for it while there is a set that was not refused. */
  #isFallback = false;
  #question: Promise<Credentials> | undefined;

  constructor(create: () => CredentialsProvider, clock: Clock, onFallback: OnFallback = () => undefined) {
    this.#create = create;
    this.#clock = clock;
    this.#onFallback = onFallback;
  }

  /**
   * @throws Error when there is no set that was not refused, and the source gives none in time; the next call
   * asks again.
   * @throws the signal's reason when it is aborted first.
   */
  async get(signal?: AbortSignal): Promise<Credentials> {
    if (this.#cached && this.#clock.monotonicMs() < this.#freshUntilMs) return this.#cached;
    this.#question ??= this.#ask().finally(() => {
      this.#question = undefined;
    });
    if (this.#cached && this.#isFallback) {
      // It may be refused meanwhile; then the question fails, and the next call asks again.
      this.#question.catch(() => undefined);
      return this.#cached;
    }
    return signal ? await untilAborted(this.#question, signal) : await this.#question;
  }

  /** Says that MNS or VOD refused these credentials: the next request gets a new set from a new provider. */
  refuse(credentials: Credentials): void {
    if (this.#cached !== credentials) return;
    this.#cached = undefined;
    this.#provider = undefined;
  }

  async #ask(): Promise<Credentials> {
    let cancel = (): void => undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      cancel = this.#clock.after(answerWithinMs, () => {
        reject(new Error(`the credentials source gave no answer within ${answerWithinMs} ms`));
      });
    });
    try {
      this.#provider ??= this.#create();
      const { accessKeyId, accessKeySecret, securityToken } = await Promise.race([
        this.#provider.getCredential(),
        deadline,
      ]);
      if (!accessKeyId || !accessKeySecret)
        throw new Error('the credentials source gave an empty access key');
      this.#cached = { accessKeyId, accessKeySecret, securityToken: securityToken || undefined };
      this.#freshUntilMs = this.#clock.monotonicMs() + freshForMs;
      if (this.#isFallback) this.#onFallback(undefined);
      this.#isFallback = false;
      return this.#cached;
    } catch (error) {
      this.#provider = undefined;
      if (!this.#cached) throw error;
      this.#freshUntilMs = this.#clock.monotonicMs() + askAgainMs;
      this.#isFallback = true;
      this.#onFallback(error);
      return this.#cached;
    } finally {
      cancel();
    }
  }
}

/** A cache for each holder of a source, made when it is first asked for. */
export function credentialsCaches(
  clock: Clock,
  onFallback?: OnFallback,
  onStaleFile?: OnStaleFile,
): (holder: { readonly credentials: CredentialsSource }) => CredentialsCache {
  const caches = new Map<object, CredentialsCache>();
  return (holder) => {
    const found =
      caches.get(holder) ??
      new CredentialsCache(providersOf(holder.credentials, onStaleFile), clock, onFallback);
    caches.set(holder, found);
    return found;
  };
}
