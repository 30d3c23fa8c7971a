"""A hub in this process that speaks Hugging Face's HTTP API as the real one does, and misbehaves on
demand: models behind /api/models and /resolve on one server, large files on a second one under another
host name and port (the CDN), which wants no token.

    with FakeHub() as hub:
        model = hub.add("org/name", {"config.json": b"{}", "model.safetensors": weights})
        hub.faults["model.safetensors"] = [Status(503), Truncate(1000)]   # one for each of the next GETs
        ... hub.endpoint ...
        hub.bytes_sent("model.safetensors")
"""
import dataclasses
import email.utils
import hashlib
import http.server
import json
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse

LFS = (".safetensors", ".bin", ".onnx", ".model")
PIECE = 64 * 1024


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Model:
    def __init__(self, repo, files, private=False, gated=False):
        self.repo = repo
        self.private = private
        self.gated = gated
        self.commits = {}  # commit: {file: bytes}
        self.refs = {}
        self.commit(files)

    def commit(self, files, ref="main"):
        """Adds a revision; returns its id."""
        text = json.dumps(sorted((name, git_sha1(content)) for name, content in files.items()))
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.refs[ref] = commit
        return commit

    def resolve(self, revision):
        commit = self.refs.get(revision, revision)
        return commit if commit in self.commits else None


# What a server does instead of answering a GET for a file's bytes.

@dataclasses.dataclass
class Status:
    code: int
    headers: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Truncate:
    """Ends the connection after so many bytes of the body."""
    after: int
    reset: bool = False  # with a TCP reset


@dataclasses.dataclass
class Hold:
    """Sends so many bytes, then nothing until `release` is set."""
    after: int
    release: threading.Event = dataclasses.field(default_factory=threading.Event)


@dataclasses.dataclass
class Corrupt:
    """Changes the byte at this place of the file."""
    at: int


@dataclasses.dataclass
class IgnoreRange:
    """Answers 200 with the whole file."""


@dataclasses.dataclass
class WrongRange:
    """Answers 206 with another part than was asked for."""


@dataclasses.dataclass
class Redirect:
    """Sends the client elsewhere; {self} is the URL it asked for."""
    location: str


@dataclasses.dataclass
class Slow:
    """Pauses so long before each piece."""
    seconds: float


@dataclasses.dataclass
class Request:
    server: str  # "hub" or "cdn"
    method: str
    path: str
    headers: dict
    file: str = ""
    sent: int = 0  # bytes of the body


class FakeHub:
    def __init__(self, tokens=("hf_good",), certificate=None):
        """`certificate`: a PEM file with certificate and key; both servers then speak TLS."""
        self.models = {}
        self.tokens = set(tokens)   # those that may read everything
        self.poor_tokens = set()    # valid, but no access to gated models
        self.faults = {}            # {file: [fault, ...]} for GETs of bytes
        self.api_faults = []        # for questions about a model: Status or Redirect
        self.head_faults = {}       # {file: {header: value or None}} changes of the answer to a HEAD
        self.weak_etags = False
        self.certificate = certificate
        self.requests = []
        self.lock = threading.Lock()

    def add(self, repo, files, **options):
        model = self.models[repo] = Model(repo, files, **options)
        return model

    def __enter__(self):
        self.hub = _serve(self, "hub", "127.0.0.1")
        self.cdn = _serve(self, "cdn", "127.0.0.1")
        scheme = "https" if self.certificate else "http"
        self.endpoint = f"{scheme}://127.0.0.1:{self.hub.server_port}"
        # Another name for the same machine: a token for the endpoint is none for this host.
        self.cdn_url = f"{scheme}://localhost:{self.cdn.server_port}"
        return self

    def __exit__(self, *_):
        for faults in self.faults.values():
            for fault in faults:
                if isinstance(fault, Hold):
                    fault.release.set()
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()

    def bytes_sent(self, file=None):
        """Of bodies of files, to whomever."""
        with self.lock:
            return sum(r.sent for r in self.requests if r.file and file in (None, r.file))

    def seen(self, **wanted):
        """The requests with these fields."""
        with self.lock:
            return [r for r in self.requests
                    if all(getattr(r, field) == value for field, value in wanted.items())]

    def next_fault(self, file):
        with self.lock:
            waiting = self.faults.get(file)
            return waiting.pop(0) if waiting else None


def _serve(hub, name, address):
    class Handler(_Handler):
        fake = hub
        server_kind = name

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_):  # a client that went away is no news
            pass

    server = Server((address, 0), Handler)
    if hub.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(hub.certificate)
        # The handshake is the handler thread's work, not that of the one that accepts.
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        self.record = Request(self.server_kind, self.command, self.path, dict(self.headers))
        with self.fake.lock:
            self.fake.requests.append(self.record)
        path = urllib.parse.urlsplit(self.path).path
        if self.server_kind == "cdn":
            return self.cdn(path)
        if match := re.fullmatch(r"/api/models/(.+?)/(revision|tree)/([^/]+)", path):
            repo, kind, revision = match.groups()
            return self.api(repo, kind, urllib.parse.unquote(revision))
        if match := re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path):
            repo, revision, file = match.groups()
            return self.file(repo, urllib.parse.unquote(revision), urllib.parse.unquote(file), False)
        if match := re.fullmatch(r"/api/resolve-cache/models/(.+?)/([0-9a-f]{40})/(.+)", path):
            repo, revision, file = match.groups()
            return self.file(repo, revision, urllib.parse.unquote(file), True)
        return self.send(404, {}, b"Not Found")

    # Who may see what, in the real hub's words.

    def model(self, repo):
        """The model, or None after an error was sent."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        known = token in self.fake.tokens or token in self.fake.poor_tokens
        if token and not known:
            return self.error(401, None, "Invalid credentials in Authorization header")
        model = self.fake.models.get(repo)
        if model is None or (model.private and token not in self.fake.tokens):
            return self.error(404 if known else 401, "RepoNotFound", "Repository not found")
        return model

    def gate(self, model):
        """Whether the token opens the model; sends an error where it does not."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not model.gated or token in self.fake.tokens:
            return True
        if token:
            self.error(403, "GatedRepo", f"Access to model {model.repo} is restricted and you are not"
                       " in the authorized list.")
        else:
            self.error(401, "GatedRepo", f"Access to model {model.repo} is restricted. You must have"
                       " access to it and be authenticated to access it. Please log in.")
        return False

    def commit(self, model, revision):
        commit = model.resolve(revision)
        if commit is None:
            return self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    # The API.

    def api(self, repo, kind, revision):
        if self.fake.api_faults:
            fault = self.fake.api_faults.pop(0)
            if isinstance(fault, Redirect):
                return self.redirect(fault)
            return self.send(fault.code, fault.headers, b"")
        if (model := self.model(repo)) is None or (commit := self.commit(model, revision)) is None:
            return
        files = model.commits[commit]
        if kind == "tree":
            entries = [self.tree_entry(name, content) for name, content in sorted(files.items())]
            return self.send_json(entries)
        siblings = [{"rfilename": name} for name in sorted(files)]
        self.send_json({"_id": "0", "id": repo, "modelId": repo, "sha": commit, "private": model.private,
                        "gated": "auto" if model.gated else False, "disabled": False, "tags": [],
                        "downloads": 0, "likes": 0, "siblings": siblings})

    @staticmethod
    def tree_entry(name, content):
        entry = {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content)}
        if name.endswith(LFS):
            entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content),
                            "pointerSize": 130}
        return entry

    # Files: small ones from the hub, some of them by way of its cache; large ones from the CDN.

    def file(self, repo, revision, file, cached):
        if (model := self.model(repo)) is None or (commit := self.commit(model, revision)) is None:
            return
        if not self.gate(model):
            return
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        content = model.commits[commit].get(file)
        if content is None:
            return self.error(404, "EntryNotFound", "Entry not found", headers)
        if file.endswith(LFS):
            sha256 = hashlib.sha256(content).hexdigest()
            query = urllib.parse.urlencode({"repo": repo, "file": file, "Signature": "signed"})
            headers |= {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content)),
                        "Location": f"{self.fake.cdn_url}/{commit}/{sha256}?{query}"}
            self.amend(file, headers)
            if "Location" in headers:
                return self.send(302, headers, b"Found. Redirecting")
        if file.endswith(".json") and not cached and not file.endswith("tokenizer.json"):
            headers |= {"ETag": f'"{git_sha1(content)}"',
                        "Location": f"/api/resolve-cache/models/{repo}/{commit}/"
                        + urllib.parse.quote(file)}
            return self.send(307, headers, b"Temporary Redirect")
        headers["ETag"] = ("W/" if self.fake.weak_etags else "") + f'"{git_sha1(content)}"'
        self.bytes(file, content, headers)

    def cdn(self, path):
        if "Authorization" in self.headers:  # as S3: it wants the signature or a token, never both
            return self.send(400, {}, b"Only one auth mechanism allowed")
        commit = path.split("/")[1]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        content = self.fake.models[query["repo"]].commits[commit][query["file"]]
        md5 = hashlib.md5(content).hexdigest()  # a CDN's own idea of an ETag
        self.bytes(query["file"], content, {"ETag": f'"{md5}"', "Accept-Ranges": "bytes"})

    def bytes(self, file, content, headers):
        if self.command == "HEAD":
            headers["Content-Length"] = str(len(content))
            self.amend(file, headers)
            return self.send(200, headers, b"")
        self.record.file = file
        fault = self.fake.next_fault(file)
        if isinstance(fault, Status):
            return self.send(fault.code, fault.headers, b"broken")
        if isinstance(fault, Redirect):
            return self.redirect(fault)
        if isinstance(fault, Corrupt):
            content = content[:fault.at] + bytes([content[fault.at] ^ 1]) + content[fault.at + 1:]
        first = 0
        code = 200
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not isinstance(fault, IgnoreRange):
            first = int(asked[1])
            if first >= len(content):
                return self.send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
            if isinstance(fault, WrongRange):
                first = max(0, first - 1)
            code = 206
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self.send_body(code, headers, content[first:], fault)

    def send_body(self, code, headers, body, fault):
        self.start(code, headers, len(body))
        position = 0
        while position < len(body):
            end = position + PIECE
            if isinstance(fault, (Truncate, Hold)) and position < fault.after:
                end = min(end, fault.after)
            self.wfile.write(body[position:end])
            with self.fake.lock:
                self.record.sent += len(body[position:end])
            position = min(end, len(body))
            if isinstance(fault, Slow):
                time.sleep(fault.seconds)
            if isinstance(fault, Truncate) and position == fault.after:
                if fault.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            if isinstance(fault, Hold) and position == fault.after:
                self.wfile.flush()
                fault.release.wait()

    # Answers.

    def amend(self, file, headers):
        for name, value in self.fake.head_faults.get(file, {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value

    def redirect(self, fault):
        self.send(302, {"Location": fault.location.replace("{self}", self.path)}, b"")

    def error(self, status, code, message, headers=None):
        headers = dict(headers or {}) | {"X-Error-Message": message}
        if code is not None:
            headers["X-Error-Code"] = code
        self.send(status, headers, json.dumps({"error": message}).encode())

    def send_json(self, value):
        self.send(200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode())

    def send(self, status, headers, body):
        if "Content-Length" not in headers:
            self.start(status, headers, len(body))
        else:
            self.start(status, headers, None)
        if self.command != "HEAD":
            self.wfile.write(body)

    def start(self, status, headers, length):
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(usegmt=True))
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
