import { setTimeout as sleep } from "node:timers/promises";

import { type CallOptions, type ClientUnaryCall, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";

import { checkPause, checkText, checkWhole, endOf, failure, MAX_TIMER, setMetadata } from "./check.js";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthClient,
} from "./generated/grpc/health/v1/health.js";
import {
  type ListModelsRequest,
  type ListModelsResponse,
  type Model,
  RerankRequest,
  type RerankResponse,
  RerankServiceClient,
} from "./generated/rerank/v1/rerank.js";
import { type ClientOptions, DEFAULTS, type RetryOptions, type TlsOptions } from "./options.js";
import { retryPause } from "./retry.js";

/** What may be said of one call. */
export interface CallSettings {
  /** Aborted: the call is rejected with CANCELLED, and the server drops its work. */
  signal?: AbortSignal;
  /** In milliseconds, retries included; unset: the client's. Infinity: none. Below 0: it is over. */
  deadline?: number;
  /** Printable ASCII, for the server's log; unset: the server makes one up. */
  requestId?: string;
  /** The caller's own key of the provider that hosts the model, where the server allows that. */
  providerKey?: string;
}

type Send<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  done: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** Calls a server, or in turn those of all addresses that the target stands for. A connection is made when it
 * is first needed, and again whenever it was lost; close() ends it. Calls are rejected with grpc-js's
 * ServiceError: `code`, `details`, and what details() reads; with INVALID_ARGUMENT, and without asking the
 * server, where an argument is none that can be sent. The constructor throws the same error for such options. */
export class RerankClient {
  /** The generated clients over the same connection, without this one's deadline and retries. */
  readonly service: RerankServiceClient;
  readonly health: HealthClient;

  private readonly deadline: number;
  private readonly retry: RetryOptions;
  private readonly metadata = new Metadata();

  constructor(options: ClientOptions = {}) {
    this.deadline = options.deadline ?? DEFAULTS.deadline;
    this.retry = { ...DEFAULTS.retry, ...options.retry };
    const maxMessageBytes = options.maxMessageBytes ?? DEFAULTS.maxMessageBytes;
    endOf(this.deadline, 0);
    checkWhole("retry.maxAttempts", this.retry.maxAttempts, 1, Number.MAX_SAFE_INTEGER, Infinity);
    checkPause("retry.initialBackoff", this.retry.initialBackoff);
    checkPause("retry.maxBackoff", this.retry.maxBackoff);
    checkWhole("maxMessageBytes", maxMessageBytes, 0, 2 ** 31 - 1);
    for (const [key, value] of Object.entries(options.metadata ?? {})) setMetadata(this.metadata, key, value);
    if (options.apiKey) setMetadata(this.metadata, "authorization", `Bearer ${options.apiKey}`);
    const target = options.target ?? DEFAULTS.target;
    const channel = {
      "grpc.max_send_message_length": maxMessageBytes,
      "grpc.max_receive_message_length": -1,
      "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      // A server that is there again is found before a call has used up its attempts, whose pauses are
      // 750 ms or more together.
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 500,
      // Retries are this class's: grpc-js knows no RetryInfo.
      "grpc.enable_retries": 0,
      ...(options.tls?.serverName && {
        "grpc.ssl_target_name_override": options.tls.serverName,
        "grpc.default_authority": options.tls.serverName,
      }),
    };
    const transport = options.tls ? secure(options.tls) : credentials.createInsecure();
    this.service = new RerankServiceClient(target, transport, channel);
    this.health = new HealthClient(target, transport, { ...channel, channelOverride: this.service.getChannel() });
  }

  /** Orders the documents by how well they answer the query, best first. */
  async rerank(request: Partial<RerankRequest>, settings: CallSettings = {}): Promise<RerankResponse> {
    return this.call<RerankRequest, RerankResponse>(
      (...call) => this.service.rerank(...call), checked(request), settings);
  }

  /** The models that are served, the default one first. */
  async listModels(settings: CallSettings = {}): Promise<Model[]> {
    const answer = await this.call<ListModelsRequest, ListModelsResponse>(
      (...call) => this.service.listModels(...call), {}, settings);
    return answer.models;
  }

  /** Whether the server, or a model, takes calls now. NOT_FOUND: the server has no such part. */
  async isServing(part = "", settings: CallSettings = {}): Promise<boolean> {
    checkText("part", part);
    const answer = await this.call<HealthCheckRequest, HealthCheckResponse>(
      (...call) => this.health.check(...call), { service: part }, settings);
    return answer.status === HealthCheckResponse_ServingStatus.SERVING;
  }

  close(): void {
    this.service.close();
  }

  private async call<Request, Response>(
    send: Send<Request, Response>, request: Request, settings: CallSettings,
  ): Promise<Response> {
    const deadline = endOf(settings.deadline ?? this.deadline, Date.now());
    const metadata = this.metadataOf(settings);
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt(send, request, metadata.clone(), deadline, settings.signal);
      } catch (error) {
        const pause = retryPause(this.retry, attempts, error as ServiceError, Math.random());
        if (pause === undefined || Date.now() + pause >= deadline) throw error;
        await sleep(Math.min(pause, MAX_TIMER), undefined, { signal: settings.signal }).catch(() => {
          throw cancelled();
        });
      }
    }
  }

  private metadataOf(settings: CallSettings): Metadata {
    const metadata = this.metadata.clone();
    if (settings.requestId) setMetadata(metadata, "x-request-id", settings.requestId);
    if (settings.providerKey) setMetadata(metadata, "x-rerank-provider-key", settings.providerKey);
    return metadata;
  }
}

function attempt<Request, Response>(
  send: Send<Request, Response>, request: Request, metadata: Metadata, deadline: number, signal?: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const call = send(request, metadata, { deadline }, (error, response) => {
      signal?.removeEventListener("abort", cancel);
      if (error) reject(error);
      else resolve(response);
    });
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

function secure(tls: TlsOptions) {
  return credentials.createSsl(tls.rootCertificates ?? null, tls.privateKey ?? null, tls.certificateChain ?? null);
}

/** The request with what it leaves open; throws INVALID_ARGUMENT, which names the field, for what no message can hold. */
function checked(request: Partial<RerankRequest>): RerankRequest {
  const { query = "", documents = [], model = "", topK = 0, scoreKind = 0, truncation = 0 } = request;
  checkText("query", query);
  if (!Array.isArray(documents)) throw failure(status.INVALID_ARGUMENT, "documents must be an array of strings");
  for (let i = 0; i < documents.length; i++) checkText(`documents[${i}]`, documents[i]);
  checkText("model", model);
  checkWhole("topK", topK, 0, 2 ** 32 - 1);
  checkWhole("scoreKind", scoreKind, -(2 ** 31), 2 ** 31 - 1);
  checkWhole("truncation", truncation, -(2 ** 31), 2 ** 31 - 1);
  return RerankRequest.fromPartial(request);
}

/** As grpc-js says that a call was cancelled. */
function cancelled(): ServiceError {
  return failure(status.CANCELLED, "Cancelled on client");
}
