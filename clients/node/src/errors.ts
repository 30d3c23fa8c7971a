import type { ServiceError } from "@grpc/grpc-js";

import { BadRequest, ErrorInfo, RetryInfo } from "./generated/google/rpc/error_details.js";
import { Status } from "./generated/google/rpc/status.js";

/** What a failed call says beyond its code and message; empty where the server said nothing. */
export interface ErrorDetails {
  /** Stable, for programs: "UNKNOWN_MODEL". */
  reason: string;
  /** The fields at fault, for example "documents[3]", and what is wrong with each. */
  violations: { field: string; description: string }[];
  /** When to come back, in milliseconds from now. */
  retryAfter?: number;
}

const TYPE = "type.googleapis.com/google.rpc.";

/** The details of what a call was rejected with. */
export function details(error: unknown): ErrorDetails {
  const out: ErrorDetails = { reason: "", violations: [] };
  const binary = (error as Partial<ServiceError> | null | undefined)?.metadata?.get("grpc-status-details-bin")[0];
  if (!(binary instanceof Uint8Array)) return out;
  for (const { typeUrl, value } of Status.decode(binary).details) {
    if (typeUrl === TYPE + "ErrorInfo") {
      out.reason = ErrorInfo.decode(value).reason;
    } else if (typeUrl === TYPE + "BadRequest") {
      out.violations = BadRequest.decode(value).fieldViolations.map(({ field, description }) => ({ field, description }));
    } else if (typeUrl === TYPE + "RetryInfo") {
      const delay = RetryInfo.decode(value).retryDelay;
      out.retryAfter = (delay?.seconds ?? 0) * 1000 + (delay?.nanos ?? 0) / 1e6;
    }
  }
  return out;
}
