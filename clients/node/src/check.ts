import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

/** What is checked before anything is sent: values that a type forbids come all the same, from JavaScript
 * and from arithmetic, and grpc-js and the encoder would throw what no caller of this client expects. */

/** An error as grpc-js makes them, with the client's own words. */
export function failure(code: status, message: string): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}: ${message}`), {
    code, details: message, metadata: new Metadata(),
  });
}

function invalid(name: string, problem: string): ServiceError {
  return failure(status.INVALID_ARGUMENT, `${name} ${problem}`);
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : value === null ? "null" : `a ${typeof value}`;
}

/** Throws INVALID_ARGUMENT unless the value is a whole number (or what `also` allows) within the limits. */
export function checkWhole(name: string, value: unknown, least: number, most: number, also?: number): void {
  const whole = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  if (!whole && value !== also) {
    throw invalid(name, `must be a whole number from ${least} to ${most}, not ${shown(value)}`);
  }
}

/** Throws INVALID_ARGUMENT unless the value is a number of milliseconds from 0 on. */
export function checkPause(name: string, value: unknown): void {
  if (typeof value !== "number" || !(value >= 0)) {
    throw invalid(name, `must be a number of milliseconds from 0 on, not ${shown(value)}`);
  }
}

/** The longest that a timer of Node can wait, in milliseconds. */
export const MAX_TIMER = 2 ** 31 - 1;

/** When a call that may take so many milliseconds has to be over; Infinity: never. Throws INVALID_ARGUMENT
 * where it is no number. */
export function endOf(deadline: unknown, now: number): number {
  if (typeof deadline !== "number" || Number.isNaN(deadline)) {
    throw invalid("deadline", `must be a number of milliseconds, not ${shown(deadline)}`);
  }
  return deadline > MAX_TIMER ? Infinity : now + Math.max(deadline, 0);
}

/** Throws INVALID_ARGUMENT unless the value is a text that UTF-8 can hold. */
export function checkText(name: string, value: unknown): void {
  if (typeof value !== "string") throw invalid(name, `must be a string, not ${shown(value)}`);
  const lone = value.search(/\p{Surrogate}/u); // a pair counts as the character that it stands for
  if (lone >= 0) throw invalid(name, `has a lone surrogate at position ${lone}, which UTF-8 cannot hold`);
}

/** Throws INVALID_ARGUMENT, which names the key and not the value, where gRPC could not send it. */
export function setMetadata(metadata: Metadata, key: string, value: unknown): void {
  if (!/^[0-9a-z_.-]+$/.test(key) || key.endsWith("-bin")) {
    throw invalid("metadata", `cannot have the key ${JSON.stringify(key)}: keys are of 0-9 a-z _ . - and do not end with -bin`);
  }
  if (typeof value !== "string" || !/^[ -~]*$/.test(value)) {
    throw invalid(key, "must be a string of printable ASCII");
  }
  metadata.set(key, value);
}
