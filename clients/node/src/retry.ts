import { type ServiceError, status } from "@grpc/grpc-js";

import { details } from "./errors.js";
import type { RetryOptions } from "./options.js";

/** The pause before the next attempt in milliseconds, or undefined when there is none. `attempts` were
 * made, and the last one ended with `error`. `chance` is between 0 and 1, anew for each call, so that
 * clients that were refused together do not come back together. */
export function retryPause(
  options: RetryOptions,
  attempts: number,
  error: Partial<ServiceError>,
  chance: number,
): number | undefined {
  const asked = details(error).retryAfter;
  // CANCELLED, when not by the caller, who does not wait for a pause: gRPC of a server that begins to stop says so.
  // Without a word on when to come back: a request that is too large, a balance that is used up.
  const mayPass = error.code === status.UNAVAILABLE || error.code === status.CANCELLED ||
    (error.code === status.RESOURCE_EXHAUSTED && asked !== undefined);
  if (!mayPass || attempts >= options.maxAttempts) return undefined;
  const longest = Math.min(options.initialBackoff * 2 ** (attempts - 1), options.maxBackoff);
  return (asked ?? 0) + (longest * (1 + chance)) / 2;
}
