export { RerankClient, type CallSettings } from "./client.js";
export { details, type ErrorDetails } from "./errors.js";
export type { ClientOptions, RetryOptions, TlsOptions } from "./options.js";
export {
  ModelState,
  ScoreKind,
  Truncation,
  type Model,
  type RerankRequest,
  type RerankResponse,
  type RerankResult,
} from "./generated/rerank/v1/rerank.js";
