import CredentialModule, { Config } from '@alicloud/credentials';
import type { Clock } from '../time.js';

/** An access key, with the token that STS credentials need beside it. */
export interface Credentials {
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string | undefined;
}

/** Where credentials come from: always said in the config, never guessed from the surroundings. */
export type CredentialsSource =
  | { type: 'access_key'; accessKeyId: string; accessKeySecret: string }
  | { type: 'sts'; accessKeyId: string; accessKeySecret: string; securityToken: string }
  | {
      type: 'oidc_role_arn';
      roleArn: string;
      oidcProviderArn: string;
      oidcTokenFile: string;
      roleSessionName: string;
      stsEndpoint?: string | undefined;
    }
  | { type: 'ecs_ram_role'; roleName?: string | undefined };

/** What the cache asks for credentials: satisfied by the client of @alicloud/credentials. */
export interface CredentialsProvider {
  getCredential(): Promise<{ accessKeyId?: string; accessKeySecret?: string; securityToken?: string }>;
}

/** @throws Error when the source lacks what its type needs. */
export function createProvider(source: CredentialsSource): CredentialsProvider {
  const { type, ...rest } = source;
  const { oidcTokenFile, ...fields } = rest as typeof rest & { oidcTokenFile?: string };
  // The class sits behind `.default` twice: the package is CommonJS with an __esModule mark.
  return new CredentialModule.default(
    new Config({ type, ...fields, ...(oidcTokenFile !== undefined && { oidcTokenFilePath: oidcTokenFile }) }),
  );
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
 * Credentials for every request, from one source. One question to the source at a time, however many requests wait;
 * each question has a deadline; and a provider that failed is thrown away, because the package's providers back off
 * for ever longer and hand out expired credentials without an error meanwhile. While the source gives none, the last
 * set is used until it is refused: most live on for a good while.
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
   * @throws Error when there is no set that was not refused, and the source gives none in time; the next call asks again.
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
): (holder: { readonly credentials: CredentialsSource }) => CredentialsCache {
  const caches = new Map<object, CredentialsCache>();
  return (holder) => {
    const found =
      caches.get(holder) ?? new CredentialsCache(() => createProvider(holder.credentials), clock, onFallback);
    caches.set(holder, found);
    return found;
  };
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
