import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { Metadata, Server, ServerCredentials, type ServerUnaryCall, status } from "@grpc/grpc-js";

import { type ClientOptions, details, ModelState, RerankClient } from "../src/index.js";
import { RetryInfo } from "../src/generated/google/rpc/error_details.js";
import { Status } from "../src/generated/google/rpc/status.js";
import { type RerankRequest, RerankResponse, type RerankServiceServer, RerankServiceService } from "../src/generated/rerank/v1/rerank.js";
import { retryPause } from "../src/retry.js";
import { RerankServer } from "./server.js";

const panda = { query: "what is a panda?", documents: ["hi", "a bear of China"], returnDocuments: true };
/** Takes the server minutes. */
const longWork = { query: "which one?", documents: Array<string>(2000).fill("word ".repeat(300)) };
const timeout = 120_000; // a hang

function connect(t: TestContext, options: ClientOptions): RerankClient {
  const client = new RerankClient(options);
  t.after(() => client.close());
  return client;
}

test("ranks", { timeout }, async (t) => {
  const client = connect(t, { target: (await RerankServer.start(t)).address });
  const answer = await client.rerank(panda);
  assert.equal(answer.results[0].index, 1);
  assert.equal(answer.results[0].document, "a bear of China");
  const models = await client.listModels();
  assert.deepEqual(models.map((model) => model.state), [ModelState.MODEL_STATE_READY]);
  assert.equal(await client.isServing(), true);
  await assert.rejects(client.isServing("nope"), { code: status.NOT_FOUND });
});

test("says what is wrong", { timeout }, async (t) => {
  const client = connect(t, { target: (await RerankServer.start(t)).address });
  await assert.rejects(client.rerank({ query: "q", documents: ["a", ""] }), (error) => {
    const { reason, violations } = details(error);
    assert.equal(reason, "EMPTY_FIELD");
    assert.deepEqual(violations.map((violation) => violation.field), ["documents[1]"]);
    return true;
  });
});

test("a cancelled call makes room for one that was put off", { timeout }, async (t) => {
  const server = await RerankServer.start(t);
  const client = connect(t, { target: server.address });
  const controller = new AbortController();
  const cancelled = assert.rejects(client.rerank(longWork, { signal: controller.signal }), { code: status.CANCELLED });
  await server.waitFor("accepted: ", "documents=2000");
  const patient = client.rerank(panda);
  await server.waitFor("request: ", "status=RESOURCE_EXHAUSTED");
  controller.abort();
  await cancelled;
  assert.equal((await patient).results.length, 2);
  await server.waitFor("request: ", "status=CANCELLED", "documents=2000");
});

test("a call out of time leaves nothing running", { timeout }, async (t) => {
  const server = await RerankServer.start(t);
  const client = connect(t, { target: server.address });
  // One that the server has heard of, however slow the machine is.
  for (let deadline = 500; !server.logged("accepted: ", "documents=2000"); deadline *= 2) {
    await assert.rejects(client.rerank(longWork, { deadline }), { code: status.DEADLINE_EXCEEDED });
  }
  // The client ends its call at the deadline too: whichever the server sees first.
  const line = await server.waitFor("request: ", "documents=2000");
  assert.match(line, /status=(DEADLINE_EXCEEDED|CANCELLED)/);
  await client.rerank(panda); // the only call that the server takes at a time
});

test("calls all addresses of a name", { timeout }, async (t) => {
  const listen = "127.0.0.1:0";
  const servers = [await RerankServer.start(t, listen), await RerankServer.start(t, listen)];
  const nobody = "127.0.0.1:1";
  const target = `ipv4:${[nobody, ...servers.map((server) => server.address)].join(",")}`;
  const client = connect(t, { target });
  while (servers.some((server) => !server.logged("request: "))) await client.rerank(panda);
});

test("what is no answer of a server has no details", () => {
  for (const error of [undefined, null, "text", new Error("other")]) {
    assert.deepEqual(details(error), { reason: "", violations: [] });
  }
});

interface Failure {
  code: status;
  metadata?: Metadata;
}

function failure(code: status, retryAfter?: number): Failure {
  if (retryAfter === undefined) return { code };
  const metadata = new Metadata();
  const seconds = Math.floor(retryAfter / 1000);
  const value = RetryInfo.encode({ retryDelay: { seconds, nanos: (retryAfter % 1000) * 1e6 } }).finish();
  const typeUrl = "type.googleapis.com/google.rpc.RetryInfo";
  const binary = Status.encode({ code, message: "", details: [{ typeUrl, value: Buffer.from(value) }] }).finish();
  metadata.set("grpc-status-details-bin", Buffer.from(binary));
  return { code, metadata };
}

/** A server whose calls `answer` says the outcome of; resolves to its address. */
async function serve(
  t: TestContext, answer: (call: ServerUnaryCall<RerankRequest, RerankResponse>) => Failure | undefined,
  credentials = ServerCredentials.createInsecure(),
): Promise<string> {
  const server = new Server();
  const unimplemented = () => assert.fail();
  const service: RerankServiceServer = {
    rerank: (call, done) => done(answer(call) ?? null, RerankResponse.fromPartial({})),
    listModels: unimplemented,
    getModel: unimplemented,
  };
  server.addService(RerankServiceService, service);
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error ? reject(error) : resolve(`127.0.0.1:${port}`)));
}

for (const [name, fails, calls, code] of [
  ["what is unavailable", failure(status.UNAVAILABLE), 5, status.OK],
  ["what a server cancels that begins to stop", failure(status.CANCELLED), 5, status.OK],
  ["what the server says when to come back for", failure(status.RESOURCE_EXHAUSTED, 1), 5, status.OK],
  ["not what will not pass", failure(status.RESOURCE_EXHAUSTED), 1, status.RESOURCE_EXHAUSTED],
  ["not after the deadline", failure(status.RESOURCE_EXHAUSTED, 3_600_000), 1, status.RESOURCE_EXHAUSTED],
] as const) {
  test(`sends again ${name}`, { timeout }, async (t) => {
    let made = 0;
    const target = await serve(t, () => (++made < 5 ? fails : undefined));
    const outcome = connect(t, { target, retry: { initialBackoff: 1 } }).rerank(panda);
    if (code === status.OK) await outcome;
    else await assert.rejects(outcome, { code });
    assert.equal(made, calls);
  });
}

test("refuses what cannot be sent, and names it", { timeout }, async (t) => {
  const target = await serve(t, () => assert.fail("it was sent"));
  const client = connect(t, { target });
  const bad: [string, Record<string, unknown>, Record<string, unknown>?][] = [
    ["topK", { topK: -1 }], ["topK", { topK: 1.5 }], ["topK", { topK: NaN }], ["topK", { topK: 2 ** 32 }],
    ["topK", { topK: "3" }], ["scoreKind", { scoreKind: 0.5 }], ["truncation", { truncation: Infinity }],
    ["query", { query: 7 }], ["query", { query: "ab\ud800" }], ["model", { model: {} }], ["model", { model: "\udfff" }],
    ["documents", { documents: "one text" }], ["documents[1]", { documents: ["a", 1] }],
    ["documents[0]", { documents: [null] }], ["documents[1]", { documents: ["\u{1F43C}", "\u{1F43C}\udc3c"] }],
    ["deadline", {}, { deadline: NaN }], ["deadline", {}, { deadline: "soon" }],
    ["x-request-id", {}, { requestId: "s3cret\n" }], ["x-rerank-provider-key", {}, { providerKey: "s3cret-\u00e9" }],
  ];
  for (const [name, request, settings] of bad) {
    await assert.rejects(client.rerank({ ...panda, ...request } as never, settings as never), (error: never) => {
      const { code, details } = error as { code: status; details: string };
      assert.equal(code, status.INVALID_ARGUMENT, details);
      assert.ok(details.startsWith(`${name} `), details);
      assert.ok(!details.includes("s3cret"));
      return true;
    });
  }
  await assert.rejects(client.isServing(7 as never), { code: status.INVALID_ARGUMENT });
});

test("refuses options that mean nothing", () => {
  for (const options of [
    { deadline: NaN }, { maxMessageBytes: -1 }, { maxMessageBytes: NaN }, { retry: { maxAttempts: 0 } },
    { retry: { maxAttempts: NaN } }, { retry: { initialBackoff: -1 } }, { retry: { maxBackoff: NaN } },
    { metadata: { Upper: "s3cret" } }, { metadata: { "x-a\n": "s3cret" } }, { metadata: { "x-a": "s3cret\n" } },
    { metadata: { "x-a": 5 } }, { apiKey: "s3cret\u00e9" },
  ]) {
    assert.throws(() => new RerankClient(options as never), (error: { code: status; message: string }) =>
      error.code === status.INVALID_ARGUMENT && !error.message.includes("s3cret"), JSON.stringify(options));
  }
});

test("a deadline may be endless, or over", { timeout }, async (t) => {
  const client = connect(t, { target: await serve(t, () => undefined) });
  for (const deadline of [Infinity, 1e15, 2 ** 31]) await client.rerank(panda, { deadline });
  for (const deadline of [0, -1, -Infinity]) {
    await assert.rejects(client.rerank(panda, { deadline }), { code: status.DEADLINE_EXCEEDED });
  }
});

test("cancels the pause between two attempts", { timeout }, async (t) => {
  const controller = new AbortController();
  const target = await serve(t, () => {
    setImmediate(() => controller.abort());
    return failure(status.RESOURCE_EXHAUSTED, 20_000);
  });
  const client = connect(t, { target });
  await assert.rejects(client.rerank(panda, { signal: controller.signal }), { code: status.CANCELLED });
  await assert.rejects(client.rerank(panda, { signal: controller.signal }), { code: status.CANCELLED });
});

test("refuses a request that is too large", { timeout }, async (t) => {
  const target = await serve(t, () => assert.fail("it was sent"));
  const client = connect(t, { target, maxMessageBytes: 1000 });
  await assert.rejects(client.rerank(longWork), { code: status.RESOURCE_EXHAUSTED });
});

test("encrypts, and sends keys", { timeout }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rerankd"));
  t.after(() => rmSync(folder, { recursive: true }));
  const certificate = join(folder, "certificate.pem");
  const key = join(folder, "key.pem");
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
    "/CN=rerankd.test", "-addext", "subjectAltName=DNS:rerankd.test", "-keyout", key, "-out", certificate,
  ], { stdio: "pipe" });
  const rootCertificates = readFileSync(certificate);
  let seen = new Metadata();
  const pair = { private_key: readFileSync(key), cert_chain: rootCertificates };
  const target = await serve(t, (call) => {
    seen = call.metadata;
    return undefined;
  }, ServerCredentials.createSsl(null, [pair]));
  const serverName = "rerankd.test";
  const client = connect(t, {
    target, apiKey: "secret", metadata: { "x-tenant": "one" }, tls: { rootCertificates, serverName } });
  await client.rerank(panda, { requestId: "id", providerKey: "own" });
  assert.deepEqual(seen.get("authorization"), ["Bearer secret"]);
  assert.deepEqual(seen.get("x-tenant"), ["one"]);
  assert.deepEqual(seen.get("x-request-id"), ["id"]);
  assert.deepEqual(seen.get("x-rerank-provider-key"), ["own"]);
  const stranger = connect(t, { target, tls: { serverName }, retry: { maxAttempts: 1 } });
  await assert.rejects(stranger.rerank(panda), { code: status.UNAVAILABLE });
});

test("the pause doubles up to the longest, after what the server asks for", () => {
  const options = { maxAttempts: 4, initialBackoff: 100, maxBackoff: 250 };
  const pause = (attempts: number, chance: number, error = failure(status.UNAVAILABLE)) =>
    retryPause(options, attempts, error, chance);
  assert.deepEqual([1, 2, 3, 4].map((attempts) => pause(attempts, 1)), [100, 200, 250, undefined]);
  assert.equal(pause(1, 0), 50);
  assert.equal(pause(1, 1, failure(status.RESOURCE_EXHAUSTED, 3_000)), 3_100);
  assert.equal(pause(1, 1, failure(status.RESOURCE_EXHAUSTED)), undefined);
  assert.equal(pause(1, 1, failure(status.INVALID_ARGUMENT, 1)), undefined);
});
