"""TLS with certificates of both sides, and API keys, at the real server."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Iterator

import pytest

from conftest import MODELS, Server, server_program
from rerankd import ClientOptions, RerankError, RerankFunction, TlsOptions


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificate(folder: pathlib.Path, name: str, issuer: str = "") -> None:
    """NAME.pem and NAME.key, signed by `issuer` or itself."""
    key, pem = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    by = ["-CA", str(folder / f"{issuer}.pem"), "-CAkey", str(folder / f"{issuer}.key")] if issuer else []
    openssl(
        *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"],
        *["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem, *by],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("security")
    certificate(folder, "ca")
    certificate(folder, "server", "ca")
    certificate(folder, "client", "ca")
    rerankctl = pathlib.Path(server_program()).parents[1] / "clients" / "cpp" / "rerankctl"
    if not rerankctl.exists():
        pytest.skip("rerankctl, which makes the key, is not beside the server")
    made = [str(rerankctl), "key", "search", "--out", str(folder / "key")]
    (folder / "keys").write_text(subprocess.run(made, check=True, capture_output=True, text=True).stdout)
    return folder


@pytest.fixture(scope="module")
def guarded(folder: pathlib.Path) -> Iterator[Server]:
    arguments = ["--model", f"{MODELS}/tiny-cross-encoder", "--listen", "127.0.0.1:0"]
    tls = ["--tls-certificate", "server.pem", "--tls-key", "server.key", "--tls-client-ca", "ca.pem"]
    files = [value if value.startswith("--") else str(folder / value) for value in tls]
    running = Server([*arguments, *files, "--keys-file", str(folder / "keys")])
    yield running
    assert running.stop() == 0


def options(folder: pathlib.Path, *, certified: bool = True, key: str = "") -> ClientOptions:
    own = {"cert_file": str(folder / "client.pem"), "key_file": str(folder / "client.key")} if certified else {}
    return ClientOptions(tls=TlsOptions(ca_file=str(folder / "ca.pem"), **own), api_key=key, timeout=10)


def test_a_certificate_and_a_key_let_in(guarded: Server, folder: pathlib.Path) -> None:
    key = (folder / "key").read_text().strip()
    with RerankFunction(guarded.target, options=options(folder, key=key)) as rerank:
        assert len(rerank("what is a panda?", ["hi", "a bear of China"])) == 2


def test_a_wrong_key_does_not(guarded: Server, folder: pathlib.Path) -> None:
    with RerankFunction(guarded.target, options=options(folder, key="wrong")) as rerank:
        with pytest.raises(RerankError, match="key") as error:
            rerank("what is a panda?", ["hi"])
    assert error.value.reason == "API_KEY_REQUIRED"


def test_nor_does_no_certificate(guarded: Server, folder: pathlib.Path) -> None:
    key = (folder / "key").read_text().strip()
    with RerankFunction(guarded.target, options=options(folder, certified=False, key=key)) as rerank:
        with pytest.raises(RerankError) as error:
            rerank("what is a panda?", ["hi"])
    assert error.value.code.name in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
