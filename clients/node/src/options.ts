/** Says when a call is sent again: after UNAVAILABLE, after CANCELLED by the server, and after
 * RESOURCE_EXHAUSTED where it says when to come back (RetryInfo). The pause is what the server asks for and, on top of that, a
 * random part of a backoff that doubles from one attempt to the next. A pause that would outlast the
 * deadline is not begun: the caller gets the error at once. */
export interface RetryOptions {
  /** Attempts of one call; 1: it is never sent again. Default: 5. */
  maxAttempts: number;
  /** The longest backoff before the second attempt, in milliseconds. Default: 100. */
  initialBackoff: number;
  /** What it grows to, in milliseconds. Default: 2000. */
  maxBackoff: number;
}

/** Certificates and keys as PEM. */
export interface TlsOptions {
  /** Authorities to trust; unset: those that come with Node. */
  rootCertificates?: Buffer;
  /** The name in the server's certificate, where it is not the target's host. */
  serverName?: string;
  /** This client's own, for a server that asks for one. */
  certificateChain?: Buffer;
  privateKey?: Buffer;
}

export interface ClientOptions {
  /** "host:port", "unix:/path" or any gRPC name. Default: "127.0.0.1:50051". */
  target?: string;
  /** Of a call, its retries included, in milliseconds; Infinity, or more than 2^31 - 1, which no timer can
   * wait for: none. Default: 30000. */
  deadline?: number;
  retry?: Partial<RetryOptions>;
  /** The largest request that is sent; a larger one fails with RESOURCE_EXHAUSTED. Default: 64 MiB, as
   * the server has it. Answers have no limit: they are about as large as their requests at most. */
  maxMessageBytes?: number;
  /** Unset: plain text. */
  tls?: TlsOptions;
  /** For a proxy before the server: sent as "authorization: Bearer KEY". */
  apiKey?: string;
  /** Of every call, by lower-case name. */
  metadata?: Record<string, string>;
}

export const DEFAULTS = {
  target: "127.0.0.1:50051",
  deadline: 30_000,
  retry: { maxAttempts: 5, initialBackoff: 100, maxBackoff: 2_000 } satisfies RetryOptions,
  maxMessageBytes: 64 * 1024 * 1024,
};
