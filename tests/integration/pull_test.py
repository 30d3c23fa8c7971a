"""The real `rerankctl pull` against a fake hub, and its cache against huggingface_hub's own.

Environment: RERANKD_SOURCE_DIR, RERANKCTL (the program), RERANKD_HUGGINGFACE_HUB (a folder with
the Python package; the cases that need it are skipped without it).
"""
import hashlib
import os
import pathlib
import pty
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["RERANKD_SOURCE_DIR"], "tests", "support")))
import gtest_style  # noqa: E402
from fake_hub import (Corrupt, FakeHub, Hold, IgnoreRange, Redirect, Slow, Status,  # noqa: E402
                      Truncate, WrongRange, git_sha1)

RERANKCTL = os.environ["RERANKCTL"]
HUGGINGFACE_HUB = os.environ.get("RERANKD_HUGGINGFACE_HUB", "")
PATIENCE = 60  # seconds, for anything a test waits for
REPO = "org/reranker"
WEIGHTS = "model.safetensors"


def random_bytes(size, seed):
    return random.Random(seed).randbytes(size)


NEEDED = {
    "config.json": b'{"architectures": ["XLMRobertaForSequenceClassification"]}',
    "tokenizer.json": random_bytes(300_000, 1),
    "tokenizer_config.json": b"{}",
    "special_tokens_map.json": b"{ }",
    "vocab.txt": "ümlaut\n世界\n".encode(),
    "merges.txt": b"",
    "sentencepiece.bpe.model": random_bytes(500_000, 2),
    "modules.json": b'[{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}]',
    "sentence_bert_config.json": b'{"max_seq_length": 512}',
    "config_sentence_transformers.json": b'{"__version__": {}}',
    "1_Pooling/config.json": b'{"pooling_mode_cls_token": true}',
    "2_Dense/config.json": b'{"in_features": 8}',
    "2_Dense/model.safetensors": random_bytes(20_000, 3),
    WEIGHTS: random_bytes(6_000_000, 4),
}
UNNEEDED = {
    ".gitattributes": b"*.safetensors filter=lfs\n",
    "README.md": b"# model\n",
    "pytorch_model.bin": random_bytes(1000, 5),
    "onnx/model.onnx": random_bytes(1000, 6),
    "assets/long table.tsv": b"a\tb\n",
}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(0.01)


class Result:
    def __init__(self, process):
        try:
            self.out, self.err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        self.code = process.returncode

    @property
    def folder(self):
        assert self.code == 0, self.err
        return pathlib.Path(self.out.rstrip("\n"))


class PullTestCase(unittest.TestCase):
    certificate = None

    def setUp(self):
        self.hub = self.enterContext(FakeHub(certificate=self.certificate))
        self.model = self.hub.add(REPO, NEEDED | UNNEEDED)
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="rerankd-pull-")))
        self.cache = self.home / "hub"

    @property
    def repo_folder(self):
        return self.cache / "models--org--reranker"

    @property
    def incomplete(self):
        return self.repo_folder / "blobs" / (sha256(NEEDED[WEIGHTS]) + ".incomplete")

    def environment(self, **variables):
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("HF_", "HUGGING", "XDG_", "TRANSFORMERS_"))
                 and not name.lower().endswith("_proxy")}
        return clean | {"HOME": str(self.home), "HF_HOME": str(self.home),
                        "HF_ENDPOINT": self.hub.endpoint} | variables

    def start(self, *arguments, repo=REPO, **variables):
        return subprocess.Popen([RERANKCTL, "pull", repo, *arguments], text=True,
                                env=self.environment(**variables),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def pull(self, *arguments, **variables):
        return Result(self.start(*arguments, **variables))

    def refused(self, *arguments, code=1, **variables):
        """The one line on stderr (after lines of progress) of a pull that must fail."""
        result = self.pull(*arguments, **variables)
        self.assertEqual(result.code, code, result.err)
        self.assertEqual(result.out, "")
        last = result.err.rstrip("\n").split("\n")[-1]
        self.assertTrue(last.startswith("rerankctl: "), result.err)
        return last

    def assert_holds(self, folder, files):
        """The folder holds these files and no others, each a relative link to its blob."""
        found = {str(path.relative_to(folder)): path.read_bytes()
                 for path in folder.rglob("*") if not path.is_dir()}
        self.assertEqual(sorted(found), sorted(files))
        for name, content in files.items():
            self.assertEqual(found[name], content, name)
            lfs = name.endswith((".safetensors", ".model"))
            blob = self.repo_folder / "blobs" / (sha256(content) if lfs else git_sha1(content))
            self.assertEqual(os.readlink(folder / name),
                             os.path.relpath(blob, (folder / name).parent))


class PullTest(PullTestCase):
    def test_what_a_server_needs_and_nothing_else(self):
        result = self.pull()
        commit = self.model.refs["main"]
        self.assertEqual(result.folder, self.repo_folder / "snapshots" / commit)
        self.assert_holds(result.folder, NEEDED)
        self.assertEqual((self.repo_folder / "refs" / "main").read_text(), commit)
        self.assertEqual(sorted(path.name for path in (self.repo_folder / "blobs").iterdir()),
                         sorted(path.resolve().name for path in result.folder.rglob("*")
                                if path.is_file()))
        self.assertEqual(self.hub.bytes_sent(), sum(map(len, NEEDED.values())))

    def test_a_second_time_fetches_nothing(self):
        folder = self.pull().folder
        sent = self.hub.bytes_sent()
        self.assertEqual(self.pull().folder, folder)
        self.assertEqual(self.hub.bytes_sent(), sent)

    def test_quiet_prints_the_folder_alone(self):
        result = self.pull("--quiet")
        self.assertTrue(result.folder.is_dir())
        self.assertEqual(result.err, "")

    def test_a_terminal_shows_a_bar(self):
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            process = subprocess.Popen([RERANKCTL, "pull", REPO], env=self.environment(COLUMNS="100"),
                                       stdout=subprocess.PIPE, stderr=theirs, text=True)
            os.close(theirs)
            shown = b""
            try:
                while piece := terminal.read(65536):
                    shown += piece
            except OSError:  # how Linux says that nobody has the terminal open any more
                pass
        self.assert_holds(Result(process).folder, NEEDED)
        # With modules.json, which is read before it is known how much there is.
        last = shown.decode().rsplit("\r\033[K", 1)[-1]
        self.assertRegex(last, r"^\[#+\] 6\.8 MB of 6\.8 MB \(100 %\), 14 of 14 files, .*B/s\r?\n$")

    def test_the_cache_and_the_endpoint_can_be_named(self):
        elsewhere = self.home / "elsewhere"
        result = self.pull("--cache-dir", str(elsewhere), "--endpoint", self.hub.endpoint + "/",
                           HF_ENDPOINT="http://127.0.0.1:9")
        self.assertEqual(result.folder.parent.parent, elsewhere / "models--org--reranker")

    def test_a_weak_etag_names_the_same_blob(self):
        self.hub.weak_etags = True
        self.assert_holds(self.pull().folder, NEEDED)

    def test_killed_at_thirty_percent_the_next_one_fetches_the_rest(self):
        size = len(NEEDED[WEIGHTS])
        at = size * 3 // 10
        self.hub.faults[WEIGHTS] = [Hold(at)]
        process = self.start()
        wait_until(lambda: self.incomplete.exists() and self.incomplete.stat().st_size == at,
                   "30 % are on disk")
        process.send_signal(signal.SIGKILL)
        self.assertEqual(Result(process).code, -signal.SIGKILL)
        self.assertFalse((self.repo_folder / "refs" / "main").exists())
        before = self.hub.bytes_sent(WEIGHTS)
        self.assert_holds(self.pull().folder, NEEDED)
        self.assertEqual(self.hub.bytes_sent(WEIGHTS) - before, size - at)

    def test_a_connection_that_breaks_is_resumed(self):
        for reset in (False, True):
            with self.subTest(reset=reset):
                content = random_bytes(2_000_000, reset)
                self.model.commit(NEEDED | {WEIGHTS: content})
                self.hub.faults[WEIGHTS] = [Truncate(700_000, reset), Truncate(300_000, reset)]
                before = self.hub.bytes_sent(WEIGHTS)
                result = self.pull()
                self.assert_holds(result.folder, NEEDED | {WEIGHTS: content})
                # A reset throws away what was on its way.
                sent = self.hub.bytes_sent(WEIGHTS) - before
                self.assertEqual(sent, len(content)) if not reset else self.assertLess(
                    sent, len(content) + 1_000_000)
                self.assertIn("trying again", result.err)

    def test_a_server_that_ignores_ranges_starts_over(self):
        self.hub.faults[WEIGHTS] = [Truncate(1_000_000), IgnoreRange()]
        self.assert_holds(self.pull().folder, NEEDED)

    def test_another_range_than_asked_for_is_not_taken(self):
        self.hub.faults[WEIGHTS] = [Truncate(1_000_000), WrongRange()]
        self.assert_holds(self.pull().folder, NEEDED)

    def test_wrong_bytes_are_caught(self):
        for file, blob in [(WEIGHTS, sha256(NEEDED[WEIGHTS])),
                           ("tokenizer.json", git_sha1(NEEDED["tokenizer.json"]))]:
            with self.subTest(file=file):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.hub.faults[file] = [Corrupt(123_456)]
                message = self.refused()
                self.assertIn("DATA_LOSS", message)
                self.assertIn(file + ": the bytes that came hash to ", message)
                self.assertEqual(list(self.repo_folder.glob(f"blobs/{blob}*")), [])
                self.assertFalse((self.repo_folder / "refs" / "main").exists())
        self.assert_holds(self.pull().folder, NEEDED)

    def test_a_partial_file_of_wrong_bytes_is_fetched_again(self):
        self.incomplete.parent.mkdir(parents=True)
        for content in (b"x" * 1_000_000, b"x" * 7_000_000):  # shorter and longer than the file
            self.incomplete.write_bytes(content)
            self.assert_holds(self.pull().folder, NEEDED)
            for path in self.repo_folder.glob("**/" + WEIGHTS):
                path.unlink()
            (self.repo_folder / "blobs" / sha256(NEEDED[WEIGHTS])).unlink()

    def test_a_file_of_unknown_size(self):
        self.hub.head_faults[WEIGHTS] = {"X-Linked-Size": None}
        self.assert_holds(self.pull().folder, NEEDED)

    def test_more_bytes_than_announced(self):
        self.hub.head_faults[WEIGHTS] = {"X-Linked-Size": "1000"}
        self.assertIn("more than the 1000 bytes it announced", self.refused())

    def test_two_processes_at_once_fetch_once(self):
        self.hub.faults[WEIGHTS] = [Slow(0.01)]
        processes = [self.start(), self.start()]
        results = [Result(process) for process in processes]
        for result in results:
            self.assert_holds(result.folder, NEEDED)
        self.assertEqual(self.hub.bytes_sent(), sum(map(len, NEEDED.values())))

    def test_a_new_commit_fetches_what_changed(self):
        old = self.pull().folder
        changed = NEEDED | {"config.json": b'{"changed": true}'}
        self.model.commit(changed)
        before = self.hub.bytes_sent()
        new = self.pull().folder
        self.assert_holds(new, changed)
        self.assert_holds(old, NEEDED)
        self.assertEqual(self.hub.bytes_sent() - before, len(changed["config.json"]))

    def test_revisions(self):
        other = NEEDED | {"config.json": b"{}"}
        commit = self.model.commit(other, ref="refs/pr/1")
        self.assert_holds(self.pull("--revision", "refs/pr/1").folder, other)
        self.assertEqual((self.repo_folder / "refs" / "refs" / "pr" / "1").read_text(), commit)
        # The commit itself is whole in the cache now: nobody is asked.
        asked = len(self.hub.requests)
        self.assert_holds(self.pull("--revision", commit).folder, other)
        self.assertEqual(len(self.hub.requests), asked)

    def test_a_commit_that_is_in_the_cache_only_in_part_is_asked_for(self):
        folder = self.pull().folder
        (folder / "sentence_bert_config.json").unlink()
        self.assert_holds(self.pull("--revision", folder.name).folder, NEEDED)

    def test_shards(self):
        shards = {f"model-0000{n}-of-00002.safetensors": random_bytes(50_000, n) for n in (1, 2)}
        index = {"model.safetensors.index.json":
                 b'{"weight_map": {"a": "model-00001-of-00002.safetensors",'
                 b' "b": "model-00002-of-00002.safetensors"}}'}
        files = {name: content for name, content in NEEDED.items() if name != WEIGHTS}
        self.model.commit(files | UNNEEDED | shards | index)
        self.assert_holds(self.pull().folder, files | shards | index)

    def test_no_weights_that_can_be_read(self):
        files = NEEDED | UNNEEDED
        del files[WEIGHTS], files["2_Dense/model.safetensors"]
        self.model.commit(files)
        message = self.refused()
        self.assertIn("pytorch_model.bin", message)
        self.assertIn("save_pretrained", message)


class PullOfflineTest(PullTestCase):
    def test_from_the_cache(self):
        folder = self.pull().folder
        asked = len(self.hub.requests)
        self.assertEqual(self.pull(HF_HUB_OFFLINE="1").folder, folder)
        self.assertEqual(len(self.hub.requests), asked)

    def test_not_in_the_cache(self):
        message = self.refused(HF_HUB_OFFLINE="1")
        self.assertIn("HF_HUB_OFFLINE", message)
        self.assertIn(str(self.repo_folder / "refs" / "main"), message)

    def test_a_snapshot_that_is_not_whole(self):
        folder = self.pull().folder
        (folder / WEIGHTS).resolve().unlink()
        (folder / "2_Dense" / WEIGHTS).unlink()
        message = self.refused(HF_HUB_OFFLINE="1")
        self.assertIn(str(folder), message)
        self.assertIn("model.safetensors", message)

    def test_a_hub_that_cannot_be_reached_leaves_the_cache(self):
        folder = self.pull().folder
        for variables, cause in [({"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot connect"),
                                 ({"HF_TOKEN": "hf_expired"}, "refuses the token")]:
            result = self.pull(**variables)
            self.assertEqual(result.folder, folder)
            self.assertIn("using what the cache has", result.err)
            self.assertIn(cause, result.err)
        self.hub.api_faults = [Status(503)]
        result = self.pull()
        self.assertEqual(result.folder, folder)
        self.assertIn("HTTP 503", result.err)


class PullAccessTest(PullTestCase):
    def test_the_token_goes_to_the_endpoint_and_to_nobody_else(self):
        self.model.private = True
        self.assert_holds(self.pull(HF_TOKEN="hf_good").folder, NEEDED)
        asked = self.hub.seen(server="hub")
        self.assertEqual({request.headers.get("Authorization") for request in asked},
                         {"Bearer hf_good"})
        elsewhere = self.hub.seen(server="cdn")
        self.assertGreater(len(elsewhere), 0)
        self.assertEqual([r for r in elsewhere if "Authorization" in r.headers], [])

    def test_the_token_may_be_in_a_file(self):
        self.model.private = True
        (self.home / "token").write_text("hf_good\n")
        self.assert_holds(self.pull().folder, NEEDED)

    def test_a_gated_model(self):
        self.model.gated = True
        self.hub.poor_tokens.add("hf_poor")
        self.assertRegex(self.refused(), "PERMISSION_DENIED: .* is gated: .*set HF_TOKEN")
        self.assertRegex(self.refused(HF_TOKEN="hf_poor"),
                         "PERMISSION_DENIED: .*gated: accept its conditions at .*/org/reranker")
        self.assert_holds(self.pull(HF_TOKEN="hf_good").folder, NEEDED)

    def test_a_private_model_looks_like_none(self):
        self.model.private = True
        self.assertRegex(self.refused(), "PERMISSION_DENIED: .*no public model .*HF_TOKEN")

    def test_a_wrong_token(self):
        message = self.refused(HF_TOKEN="hf_wrong")
        self.assertIn("refuses the token", message)
        self.assertNotIn("hf_wrong", message)

    def test_what_does_not_exist(self):
        self.assertRegex(self.refused(repo="org/nothing", HF_TOKEN="hf_good"),
                         "NOT_FOUND: .*has no model org/nothing")
        self.assertRegex(self.refused("--revision", "v9"),
                         'NOT_FOUND: .*org/reranker has no revision "v9"')

    def test_what_cannot_be_asked_for(self):
        self.assertIn("no model id", self.refused(repo="a/b/c", code=2))
        self.assertIn("no model id", self.refused(repo="../x", code=2))
        self.assertIn("no revision", self.refused("--revision", "../../x", code=2))
        self.assertIn("HF_ENDPOINT", self.refused("--endpoint", "file:///etc", code=2))
        with_password = self.refused("--endpoint", "http://name:hush@127.0.0.1:9", code=2)
        self.assertIn("HF_ENDPOINT", with_password)
        self.assertNotIn("hush", with_password)
        self.assertIn("HF_TOKEN", self.refused(HF_TOKEN="two words", code=2))


class PullFaultTest(PullTestCase):
    def test_a_hub_in_trouble_is_asked_again(self):
        self.hub.api_faults = [Status(500), Status(429, {"Retry-After": "1"})]
        self.hub.faults[WEIGHTS] = [Status(503), Status(500)]
        started = time.monotonic()
        result = self.pull()
        self.assert_holds(result.folder, NEEDED)
        self.assertEqual(result.err.count("trying again"), 4)
        self.assertGreater(time.monotonic() - started, 1)  # what Retry-After asked for

    def test_a_pause_that_nobody_would_wait_for(self):
        self.hub.api_faults = [Status(429, {"RateLimit": '"api";r=0;t=3000'})]
        self.assertRegex(self.refused(), "UNAVAILABLE: .*HTTP 429.* asks to wait 3000 s")

    def test_redirects_that_are_refused(self):
        for location, why in [("{self}", "more than 10 times"), ("file:///etc/passwd", "refused"),
                              ("ftp://127.0.0.1/x", "refused"), ("http://u:p@127.0.0.1/", "refused"),
                              ("", "without saying where")]:
            with self.subTest(location=location):
                self.hub.api_faults = [Redirect(location)] * 20
                self.assertIn(why, self.refused())

    def test_a_model_that_moved(self):
        commit = self.model.refs["main"]
        self.hub.api_faults = [Redirect(f"/api/models/{REPO}/revision/main")]
        self.assertEqual(self.pull().folder.name, commit)

    def test_hostile_names(self):
        for name in ("../../outside", "/etc/x", "a\\b", "a/../../b", "bell\a", "a//b", "./a"):
            with self.subTest(name=name):
                self.model.commit(NEEDED | {name: b""})
                self.assertIn("cannot be the path of a file", self.refused())
        self.assertEqual(list(self.home.rglob("outside")), [])

    def test_hostile_headers(self):
        for header, value in [("X-Linked-Etag", '"../../outside"'), ("X-Linked-Etag", '"a"'),
                              ("X-Linked-Size", "-1"), ("X-Linked-Size", "99999999999999999999"),
                              ("X-Repo-Commit", "0" * 40), ("X-Repo-Commit", None),
                              ("X-Linked-Etag", None)]:
            with self.subTest(header=header, value=value):
                self.hub.head_faults[WEIGHTS] = {header: value}
                self.assertIn("FAILED_PRECONDITION", self.refused())
        self.hub.head_faults[WEIGHTS] = {"X-Junk": "x" * 66_000}
        self.assertIn("headers", self.refused())

    def test_a_file_larger_than_the_disk(self):
        self.hub.head_faults[WEIGHTS] = {"X-Linked-Size": str(10**17)}
        message = self.refused()
        self.assertRegex(message, "RESOURCE_EXHAUSTED: .*the disk has .* free and the download needs")
        self.assertEqual(self.hub.bytes_sent(WEIGHTS), 0)


class PullTlsTest(PullTestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="rerankd-tls-"))
        cls.certificate = os.path.join(folder, "both.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                        "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-keyout", cls.certificate, "-out", cls.certificate + ".crt"],
                       check=True, capture_output=True)
        with open(cls.certificate, "a", encoding="ascii") as both:
            both.write(pathlib.Path(cls.certificate + ".crt").read_text(encoding="ascii"))

    def test_an_authority_of_ones_own(self):
        self.assert_holds(self.pull(SSL_CERT_FILE=self.certificate).folder, NEEDED)

    def test_a_certificate_that_nobody_vouches_for(self):
        self.assertRegex(self.refused(), "FAILED_PRECONDITION: .*not trusted.*SSL_CERT_FILE")
        self.assertEqual(self.hub.requests, [])

    def test_no_step_down_to_http(self):
        with FakeHub() as plain:
            self.hub.cdn_url = plain.endpoint
            message = self.refused(SSL_CERT_FILE=self.certificate)
            self.assertIn("from https to http", message)
            self.assertEqual(plain.requests, [])


class PullDiskTest(PullTestCase):
    def mount(self, megabytes):
        self.cache.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.cache],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"no small file system can be mounted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.cache], check=True)

    def test_a_disk_that_becomes_full(self):
        self.mount(3)
        self.hub.head_faults[WEIGHTS] = {"X-Linked-Size": None}  # or the lack would be seen before
        self.assertRegex(self.refused(), "RESOURCE_EXHAUSTED: .*the disk is full.*HF_HUB_CACHE")

    def test_a_cache_that_cannot_be_written(self):
        self.mount(20)
        subprocess.run(["mount", "-o", "remount,ro", self.cache], check=True)
        self.assertRegex(self.refused(), "FAILED_PRECONDITION: .*Read-only file system.*HF_HUB_CACHE")
        subprocess.run(["mount", "-o", "remount,rw", self.cache], check=True)
        folder = self.pull().folder
        subprocess.run(["mount", "-o", "remount,ro", self.cache], check=True)
        self.assertEqual(self.pull().folder, folder)


@unittest.skipUnless(pathlib.Path(HUGGINGFACE_HUB, "huggingface_hub").is_dir(),
                     "huggingface_hub is not there; tools/setup.sh --tests brings it")
class HuggingFaceHubTest(PullTestCase):
    """Caches that are written by the one and read by the other."""

    def start_python(self, code, **variables):
        return subprocess.Popen(
            [sys.executable, "-c", "from huggingface_hub import hf_hub_download, snapshot_download, "
             "try_to_load_from_cache, _CACHED_NO_EXIST\n" + code], text=True,
            env=self.environment(PYTHONPATH=HUGGINGFACE_HUB, HF_HUB_DISABLE_TELEMETRY="1", **variables),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def python(self, code, **variables):
        return Result(self.start_python(code, **variables))

    def content(self, cache):
        """{path below the cache: bytes, or where a link leads}, without the locks and hints."""
        return {str(path.relative_to(cache)): os.readlink(path) if path.is_symlink()
                else path.read_bytes()
                for part in ("blobs", "refs", "snapshots")
                for path in (cache / "models--org--reranker" / part).rglob("*")
                if path.is_symlink() or not path.is_dir()}

    def test_it_reads_what_we_wrote(self):
        folder = self.pull().folder
        asked = len(self.hub.requests)
        code = ("print(snapshot_download('org/reranker', local_files_only=True))\n"
                "print(hf_hub_download('org/reranker', '1_Pooling/config.json'))\n"
                "print(try_to_load_from_cache('org/reranker', 'vocab.json') is _CACHED_NO_EXIST)")
        result = self.python(code, HF_HUB_OFFLINE="1")
        self.assertEqual(result.out.split(),
                         [str(folder), str(folder / "1_Pooling" / "config.json"), "True"], result.err)
        self.assertEqual(len(self.hub.requests), asked)

    def test_we_read_what_it_wrote(self):
        result = self.python("print(snapshot_download('org/reranker'))")
        sent = self.hub.bytes_sent()
        self.assertEqual(self.pull(HF_HUB_OFFLINE="1").folder, result.folder)
        self.assertEqual(self.pull().folder, result.folder)
        self.assertEqual(self.hub.bytes_sent(), sent)

    def test_both_write_the_same(self):
        ours = self.pull().folder
        files = sorted(NEEDED)
        theirs = self.home / "theirs"
        self.python(f"snapshot_download('org/reranker', cache_dir={str(theirs)!r},"
                    f" allow_patterns={files!r})").folder
        self.assert_holds(ours, NEEDED)
        self.assertEqual(self.content(self.cache), self.content(theirs))

    def test_it_waits_while_we_fetch(self):
        hold = Hold(1_000_000)
        self.hub.faults[WEIGHTS] = [hold]
        ours = self.start()
        wait_until(lambda: self.incomplete.exists() and self.incomplete.stat().st_size == 1_000_000,
                   "we hold the lock")
        heads = len(self.hub.seen(method="HEAD"))
        theirs = self.start_python(f"print(hf_hub_download('org/reranker', {WEIGHTS!r}))")
        wait_until(lambda: len(self.hub.seen(method="HEAD")) > heads, "it has asked for the file")
        hold.release.set()
        self.assertEqual(Result(theirs).folder.parent, Result(ours).folder)
        self.assertEqual(self.hub.bytes_sent(WEIGHTS), len(NEEDED[WEIGHTS]))

    def test_we_wait_while_it_fetches(self):
        hold = Hold(1_000_000)
        self.hub.faults[WEIGHTS] = [hold]
        theirs = self.start_python(f"print(hf_hub_download('org/reranker', {WEIGHTS!r}))")
        wait_until(lambda: self.hub.bytes_sent(WEIGHTS) == 1_000_000, "it holds the lock")
        ours = self.start()
        line = ours.stderr.readline()
        while line and "waiting for whoever else" not in line:
            line = ours.stderr.readline()
        self.assertIn(WEIGHTS, line)
        hold.release.set()
        self.assertEqual(Result(ours).folder, Result(theirs).folder.parent)
        self.assertEqual(self.hub.bytes_sent(WEIGHTS), len(NEEDED[WEIGHTS]))


if __name__ == "__main__":
    gtest_style.main()
