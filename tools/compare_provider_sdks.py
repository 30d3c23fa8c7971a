#!/usr/bin/env python3
"""What rerankd sends to Voyage and Cohere beside what their own Python clients send for the same calls.

Everything goes to a recording server on this machine. Each field of each request (method, path,
headers that matter, members of the body) is printed with both values; exit status 1 when there is a
difference that is not explained below, or an explanation that no longer has a difference.

  python3 -m venv .cache/sdks && .cache/sdks/bin/pip install -r tools/provider_sdks_requirements.txt
  .cache/sdks/bin/python tools/compare_provider_sdks.py [--sdks-only] [RERANKD]

RERANKD is the server's binary (build/release/server/rerankd). --sdks-only prints what the clients send.
"""
import argparse
import http.server
import json
import os
import pathlib
import sys
import tempfile
import threading

KEY = "key-of-the-comparison"
QUERY = "When was artificial intelligence founded as a discipline?"
DOCUMENTS = ["In 1956, at Dartmouth.", "Turing wrote in 1950.\nÜber \"Maschinen\" \u2028.", "The Perceptron is of 1958."]
HEADERS = ("authorization", "content-type", "accept")

# (provider, field) -> why the two may differ.
EXPECTED = {
    ("voyage", "body.return_documents"): "their client never sends it (false is the API's default); we say what we rely on",
    ("voyage", "body.top_k"): "their client sends null for all documents; we leave it out",
    ("voyage", "header.accept"): "their HTTP library accepts anything; we read JSON only",
    ("cohere", "header.accept"): "their HTTP library accepts anything; we read JSON only",
}


class Recorder(http.server.ThreadingHTTPServer):
    """Answers every rerank call in its provider's form, and keeps what it was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self):
        """The one request since the last take()."""
        (request,), self.requests = self.requests, []
        return request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"method": "POST", "path": self.path, "body": body,
                                     "headers": {k.lower(): v for k, v in self.headers.items()}})
        count = body.get("top_k") or body.get("top_n") or len(body["documents"])
        results = [{"index": i, "relevance_score": 1 - i / 8} for i in range(count)]
        if self.path.startswith("/v2/"):
            answer = {"id": "c", "results": results, "meta": {"api_version": {"version": "2"},
                                                              "billed_units": {"search_units": 1}}}
        else:
            answer = {"object": "list", "data": results, "model": body["model"], "usage": {"total_tokens": 26}}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def calls():
    """(provider, name of the call, model, options of the entry, fields of the request, the SDK's arguments)"""
    yield "voyage", "the best two", "rerank-2.5", {}, {"top_k": 2}, {"top_k": 2}
    yield "voyage", "all", "rerank-2.5", {}, {}, {}
    yield "voyage", "nothing cut", "rerank-2.5", {}, {"top_k": 2, "truncation": 3}, {"top_k": 2, "truncation": False}
    yield "cohere", "the best two", "rerank-v3.5", {}, {"top_k": 2}, {"top_n": 2}
    yield "cohere", "all", "rerank-v3.5", {}, {}, {}
    yield ("cohere", "with options", "rerank-v4.0-fast", {"max_tokens_per_doc": 8192, "priority": 7}, {"top_k": 1},
           {"top_n": 1, "max_tokens_per_doc": 8192, "priority": 7})


def ask_sdk(provider, url, model, arguments):
    if provider == "voyage":
        import voyageai
        voyageai.Client(KEY, base_url=url + "/v1").rerank(QUERY, DOCUMENTS, model=model, **arguments)
    else:
        import cohere
        cohere.ClientV2(KEY, base_url=url).rerank(model=model, query=QUERY, documents=DOCUMENTS, **arguments)


def start_rerankd(binary, url):
    import rerank_rpc
    models = [{"name": f"call-{i}", "kind": provider, "model": model, "base_url": url,
               "api_key_env": "COMPARED_KEY", **options}
              for i, (provider, _, model, options, _, _) in enumerate(calls())]
    os.environ["COMPARED_KEY"] = KEY
    config = pathlib.Path(tempfile.mkdtemp(prefix="rerankd-sdks-")) / "rerankd.yaml"
    config.write_text(json.dumps({"models": models}))  # JSON is YAML
    server = rerank_rpc.Server(binary, ["--config", str(config)])
    return server, rerank_rpc.Client(server.target)


def fields(request):
    """One request as {field: value}."""
    flat = {"method": request["method"], "path": request["path"]}
    flat.update({f"header.{name}": request["headers"].get(name, "(absent)") for name in HEADERS})
    flat.update({f"body.{name}": value for name, value in request["body"].items()})
    return flat


def compare(provider, theirs, ours, explained):
    """Prints both side by side; returns how many differences nobody has explained."""
    unexplained = 0
    for field in sorted(theirs.keys() | ours.keys()):
        a, b = theirs.get(field, "(absent)"), ours.get(field, "(absent)")
        shown = [json.dumps(value, ensure_ascii=False)[:70] for value in (a, b)]
        if a == b:
            print(f"  same       {field}: {shown[0]}")
        elif (provider, field) in EXPECTED:
            explained.add((provider, field))
            print(f"  explained  {field}: theirs {shown[0]}, ours {shown[1]}: {EXPECTED[provider, field]}")
        else:
            unexplained += 1
            print(f"  DIFFERS    {field}: theirs {shown[0]}, ours {shown[1]}")
    return unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rerankd", nargs="?", default="build/release/server/rerankd")
    parser.add_argument("--sdks-only", action="store_true")
    arguments = parser.parse_args()
    recorder = Recorder()
    server, client = (None, None) if arguments.sdks_only else start_rerankd(arguments.rerankd, recorder.url)
    unexplained, explained = 0, set()
    try:
        for i, (provider, name, model, _, request, sdk_arguments) in enumerate(calls()):
            print(f"{provider}, {name}")
            ask_sdk(provider, recorder.url, model, sdk_arguments)
            theirs = fields(recorder.take())
            if client is None:
                for field, value in theirs.items():
                    print(f"  {field}: {json.dumps(value, ensure_ascii=False)[:100]}")
                continue
            client.rerank(QUERY, DOCUMENTS, model=f"call-{i}", **request)
            unexplained += compare(provider, theirs, fields(recorder.take()), explained)
    finally:
        if server is not None:
            server.stop()
    if client is None:
        return 0
    stale = EXPECTED.keys() - explained
    for provider, field in sorted(stale):
        print(f"explained, but no longer different: {provider} {field}")
    print(f"{unexplained} unexplained differences")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    sys.exit(main())
