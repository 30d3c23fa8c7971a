"""Hosted rerank APIs on loopback: Voyage's, Cohere's and Jina's formats over HTTP/1.1 and HTTP/2, clear
and TLS with an authority made for the occasion, which misbehave on demand.

As a program it prints one line of JSON (the addresses and the authority's certificate) and serves until its
standard input ends; --latency SECONDS delays every answer. PYTHONPATH must have the package h2.

What goes wrong is up to the query of a request: "fault:NAME[:ARGUMENT...]", see Faults. GET /_requests
tells what came and how it ended; times are of the monotonic clock.
"""
import argparse
import asyncio
import gzip
import json
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

try:
    import h2.config
    import h2.connection
    import h2.events
    import h2.exceptions
except ImportError:
    h2 = None


# ---- what the providers answer ----

def score(query, document):
    """Between 0 and 1: the share of the query's words that the document has."""
    words = set(re.findall(r"\w+", query.lower()))
    found = set(re.findall(r"\w+", document.lower()))
    return round(len(words & found) / max(len(words), 1), 6)


def ranked(body, top):
    query, documents = body["query"], body["documents"]
    order = sorted(range(len(documents)), key=lambda i: (-score(query, documents[i]), i))
    return [(i, score(query, documents[i])) for i in order[:top or len(documents)]]


def tokens(body):
    return sum(len(text.split()) for text in [body["query"], *body["documents"]])


class Voyage:
    def answer(self, body):
        return {"object": "list",
                "data": [{"relevance_score": s, "index": i} for i, s in ranked(body, body.get("top_k"))],
                "model": body["model"], "usage": {"total_tokens": tokens(body)}}

    def error(self, status, message):
        return {"detail": message}


class Cohere:
    def answer(self, body):
        return {"id": "0b5f6b2e-d0d6-4c9f-9c56-6b4d0f3e3d5a",
                "results": [{"index": i, "relevance_score": s} for i, s in ranked(body, body.get("top_n"))],
                "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1.0}}}

    def error(self, status, message):
        return {"id": "5e7c2b64-96a9-4a5e-8f8e-3b3a1c0c2f10", "message": message}


class Jina:
    def answer(self, body):
        return {"model": body["model"], "object": "list", "usage": {"total_tokens": tokens(body)},
                "results": [{"index": i, "relevance_score": s} for i, s in ranked(body, body.get("top_n"))]}

    def error(self, status, message):
        codes = {401: "AUTH_INVALID_API_KEY", 403: "AUTHZ_INSUFFICIENT_BALANCE", 429: "RATE_LIMIT_EXCEEDED"}
        return {"detail": message, "request_id": "7c0fd5c8a6a64f2a9a3a9c9e3f1d2b4c",
                "code": codes.get(status, "INTERNAL_ERROR")}


PROVIDERS = {"/voyage/v1/rerank": Voyage(), "/cohere/v2/rerank": Cohere(), "/jina/v1/rerank": Jina()}
MESSAGES = {400: "invalid request", 401: "Invalid API key provided", 403: "Insufficient account balance",
            404: "model not found", 429: "rate limit exceeded", 500: "internal server error",
            503: "service unavailable"}


class Faults:
    """Each takes the exchange, the provider, the body and the arguments of "fault:NAME:ARGUMENTS"."""

    async def status(self, exchange, provider, body, code, retry_after=None):
        headers = [("retry-after", retry_after)] if retry_after else []
        await exchange.json(provider.error(int(code), MESSAGES.get(int(code), "error")), int(code), headers)

    async def burst(self, exchange, provider, body, code, count, *_):
        """The first `count` requests with this very query fail."""
        seen = exchange.server.count(body["query"])
        if seen <= int(count):
            await self.status(exchange, provider, body, code)
        else:
            await exchange.json(provider.answer(body))

    async def delay(self, exchange, provider, body, milliseconds, *_):
        await asyncio.sleep(int(milliseconds) / 1000)
        await exchange.json(provider.answer(body))

    async def silent(self, exchange, provider, body, *_):
        await asyncio.Event().wait()

    async def stall(self, exchange, provider, body, *_):
        await exchange.head(200, [("content-type", "application/json"), ("content-length", "1000")])
        await exchange.send(b'{"data":')
        await asyncio.Event().wait()

    async def slow(self, exchange, provider, body, milliseconds, *_):
        """A byte at a time, all of them in about so long."""
        content = json.dumps(provider.answer(body)).encode()
        await exchange.head(200, [("content-type", "application/json"), ("content-length", str(len(content)))])
        for i in range(len(content)):
            await exchange.send(content[i:i + 1])
            await asyncio.sleep(int(milliseconds) / 1000 / len(content))
        await exchange.end()

    async def reset(self, exchange, provider, body, *_):
        await exchange.abort()

    async def drop(self, exchange, provider, body, *_):
        """The connection, with all that is on it, ends without an answer."""
        await exchange.drop()

    async def cut(self, exchange, provider, body, *_):
        """The connection ends in the middle of the body."""
        content = json.dumps(provider.answer(body)).encode()
        await exchange.head(200, [("content-type", "application/json"), ("content-length", str(len(content)))])
        await exchange.send(content[:len(content) // 2])
        await exchange.abort()

    async def half(self, exchange, provider, body, *_):
        """Half of the JSON, as if it were all."""
        content = json.dumps(provider.answer(body)).encode()
        await exchange.bytes(content[:len(content) // 2])

    async def error200(self, exchange, provider, body, *_):
        await exchange.json(provider.error(500, "internal server error"))

    async def html(self, exchange, provider, body, *_):
        await exchange.bytes(b"<html><body>It works!</body></html>", content_type="text/html")

    async def bomb(self, exchange, provider, body, megabytes="64", *_):
        content = gzip.compress(b" " * (int(megabytes) << 20))
        await exchange.bytes(content, headers=[("content-encoding", "gzip")])

    async def bad(self, exchange, provider, body, what, *_):
        """A result that cannot be."""
        answer = provider.answer(body)
        results = answer.get("data") or answer.get("results")
        if what == "index":
            results[0]["index"] = len(body["documents"])
        elif what == "twice":
            results[0]["index"] = results[-1]["index"]
        elif what == "missing":
            results.pop()
        content = json.dumps(answer)
        if what == "nan":
            content = content.replace(str(results[0]["relevance_score"]), "NaN", 1)
        await exchange.bytes(content.encode())

    async def redirect(self, exchange, provider, body, *_):
        await exchange.head(307, [("location", "/elsewhere"), ("content-length", "0")])
        await exchange.end()

    async def echo(self, exchange, provider, body, *_):
        """An error that repeats the key and the texts."""
        secret = exchange.request["headers"].get("authorization", "")
        message = f"bad request with {secret}: {' '.join(body['documents'])}"
        await exchange.json(provider.error(400, message), 400)


# ---- one request, whatever carries it ----

class Exchange:
    def __init__(self, server, request):
        self.server = server
        self.request = request  # what /_requests tells of it

    async def json(self, value, status=200, headers=()):
        await self.bytes(json.dumps(value).encode(), status, headers=headers)

    async def bytes(self, content, status=200, content_type="application/json", headers=()):
        await self.head(status, [("content-type", content_type), ("content-length", str(len(content))), *headers])
        await self.send(content)
        await self.end()

    async def run(self, body):
        try:
            await self.server.answer(self, body)
            self.request["answered"] = True
        except ConnectionError:     # it was broken off while this was writing, before anybody read that
            self.closed()
        except asyncio.CancelledError:
            pass

    def closed(self):
        """The client has broken it off."""
        if not self.request.get("answered") and "closed_ns" not in self.request:
            self.request["closed_ns"] = time.monotonic_ns()


class Exchange1(Exchange):
    def __init__(self, server, request, writer):
        super().__init__(server, request)
        self.writer = writer

    async def head(self, status, headers):
        lines = [f"HTTP/1.1 {status} x"] + [f"{name}: {value}" for name, value in headers]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self.writer.drain()

    async def send(self, content):
        self.writer.write(content)
        await self.writer.drain()

    async def end(self):
        pass

    async def abort(self):
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def drop(self):
        self.writer.close()


class Exchange2(Exchange):
    def __init__(self, server, request, connection, stream):
        super().__init__(server, request)
        self.connection = connection
        self.stream = stream
        self.window = asyncio.Event()

    async def head(self, status, headers):
        self.connection.h2.send_headers(self.stream, [(":status", str(status)), *headers])
        await self.connection.flush()

    async def send(self, content):
        while content:
            room = min(self.connection.h2.local_flow_control_window(self.stream),
                       self.connection.h2.max_outbound_frame_size)
            if room == 0:
                self.window.clear()
                await self.window.wait()
                continue
            self.connection.h2.send_data(self.stream, content[:room])
            content = content[room:]
            await self.connection.flush()

    async def end(self):
        self.connection.h2.end_stream(self.stream)
        await self.connection.flush()

    async def abort(self):
        self.connection.h2.reset_stream(self.stream)
        await self.connection.flush()

    async def drop(self):
        self.connection.writer.close()


class Connection2:
    def __init__(self, server, reader, writer, number):
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.exchanges = {}
        self.headers = {}
        self.bodies = {}
        self.tasks = {}

    async def flush(self):
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    async def serve(self):
        self.h2.initiate_connection()
        await self.flush()
        try:
            while content := await self.reader.read(65536):
                for event in self.h2.receive_data(content):
                    self.take(event)
                await self.flush()
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        for stream in list(self.tasks):
            self.drop(stream)

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.headers[event.stream_id] = dict(event.headers)
            self.bodies[event.stream_id] = b""
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.start(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.drop(event.stream_id)
        elif isinstance(event, h2.events.WindowUpdated):
            for exchange in self.exchanges.values():
                exchange.window.set()

    def start(self, stream):
        headers = self.headers.pop(stream)
        request = self.server.note("2", self.number, headers.pop(":method"), headers.pop(":path"), headers)
        exchange = self.exchanges[stream] = Exchange2(self.server, request, self, stream)
        task = self.tasks[stream] = asyncio.ensure_future(exchange.run(self.bodies.pop(stream)))
        task.add_done_callback(lambda _: (self.exchanges.pop(stream, None), self.tasks.pop(stream, None)))

    def drop(self, stream):
        if stream in self.exchanges:
            self.exchanges[stream].closed()
            self.tasks[stream].cancel()


# ---- the server ----

class Server:
    def __init__(self, latency):
        self.latency = latency
        self.requests = []
        self.counts = {}
        self.connections = 0

    def note(self, version, connection, method, path, headers):
        request = {"http": version, "connection": connection, "method": method, "path": path,
                   "headers": headers, "received_ns": time.monotonic_ns()}
        if not path.startswith("/_"):
            self.requests.append(request)
        return request

    def count(self, key):
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    async def answer(self, exchange, body):
        path = exchange.request["path"]
        if path == "/_requests":
            await exchange.json(self.requests)
            return
        provider = PROVIDERS.get(path)
        if provider is None:
            await exchange.json({"detail": "Not Found"}, 404)
            return
        try:
            body = exchange.request["body"] = json.loads(body)
        except ValueError:
            await exchange.json(provider.error(400, "the request is no JSON"), 400)
            return
        if not re.fullmatch(r"Bearer \S+", exchange.request["headers"].get("authorization", "")):
            await exchange.json(provider.error(401, MESSAGES[401]), 401)
            return
        name, _, arguments = body["query"].removeprefix("fault:").partition(":")
        if body["query"].startswith("fault:"):
            await getattr(Faults(), name)(exchange, provider, body, *filter(None, arguments.split(":")))
            return
        if self.latency:
            await asyncio.sleep(self.latency)
        await exchange.json(provider.answer(body))

    async def serve(self, reader, writer):
        self.connections += 1
        number = self.connections
        tls = writer.get_extra_info("ssl_object")
        try:
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await Connection2(self, reader, writer, number).serve()
            else:
                await self.serve1(reader, writer, number)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def serve1(self, reader, writer, number):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value.strip()
                       for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            exchange = Exchange1(self, self.note("1.1", number, method, path, headers), writer)
            work = asyncio.ensure_future(exchange.run(body))
            # A client sends nothing more before it has its answer: what comes is the connection's end.
            end = asyncio.ensure_future(reader.read(1))
            await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                exchange.closed()
                work.cancel()
                return
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)
            if writer.is_closing():
                return


# ---- certificates ----

def openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def make_authority(folder):
    openssl("req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=authority of a test", "-addext", "basicConstraints=critical,CA:TRUE", cwd=folder)


def make_certificate(folder, name, host, days):
    openssl("req", "-new", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}", cwd=folder)
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.pem", cwd=folder)


def tls(folder, name, protocols):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.set_alpn_protocols(protocols)
    return context


async def main(latency):
    server = Server(latency)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_authority(folder)
        for certificate, host, days in [("good", "localhost", 2), ("other", "elsewhere.example", 2),
                                        ("expired", "localhost", -1)]:
            make_certificate(folder, certificate, host, days)
        both = ["h2", "http/1.1"] if h2 is not None else ["http/1.1"]
        listeners = {"http": None, "https": tls(folder, "good", both), "https1": tls(folder, "good", ["http/1.1"]),
                     "wrong_host": tls(folder, "other", both), "expired": tls(folder, "expired", both)}
        told = {"ca": str(folder / "ca.pem"), "h2": h2 is not None}
        running = []
        for kind, context in listeners.items():
            listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context, backlog=1024)
            port = listener.sockets[0].getsockname()[1]
            told[kind] = f"{'https' if context else 'http'}://localhost:{port}"
            running.append(listener)
        print(json.dumps(told), flush=True)
        # Until whoever started it has gone.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    asyncio.run(main(parser.parse_args().latency))
