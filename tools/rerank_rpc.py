"""A running rerankd from Python: stubs made on the fly from proto/, and a server started for a measurement."""
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import grpc
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_MESSAGE = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def _stubs():
    out = tempfile.mkdtemp(prefix="rerankd-stubs-")
    proto = ROOT / "proto"
    args = ["protoc", f"-I{proto}", f"--python_out={out}", f"--grpc_python_out={out}",
            "rerank/v1/rerank.proto", "rerank/v1/model_admin.proto"]
    include = str(pathlib.Path(protoc.__file__).parent / "_proto")
    if protoc.main(args[:1] + [f"-I{include}"] + args[1:]) != 0:
        raise RuntimeError("protoc failed")
    sys.path.insert(0, out)
    return [importlib.import_module(f"rerank.v1.{name}") for name in
            ("rerank_pb2", "rerank_pb2_grpc", "model_admin_pb2", "model_admin_pb2_grpc")]


pb2, pb2_grpc, admin_pb2, admin_pb2_grpc = _stubs()


class Client:
    """One channel. Thread-safe."""

    def __init__(self, target):
        self.channel = grpc.insecure_channel(target, options=MAX_MESSAGE)
        self.stub = pb2_grpc.RerankServiceStub(self.channel)
        self.admin = admin_pb2_grpc.ModelAdminServiceStub(self.channel)

    def rerank(self, query, documents, **fields):
        return self.stub.Rerank(pb2.RerankRequest(query=query, documents=documents, **fields))

    def load(self, name):
        return self.admin.LoadModel(admin_pb2.LoadModelRequest(name=name))

    def reload(self, name):
        return self.admin.ReloadModel(admin_pb2.ReloadModelRequest(name=name))

    def unload(self, name):
        return self.admin.UnloadModel(admin_pb2.UnloadModelRequest(name=name))


class Server:
    """rerankd in a process of its own, until stop(); `start_seconds` is the time until it served."""

    def __init__(self, binary, arguments):
        with tempfile.TemporaryDirectory() as folder:
            port_file = pathlib.Path(folder) / "port"
            begin = time.monotonic()
            self.process = subprocess.Popen(
                [str(binary), "--listen", "127.0.0.1:0", "--port-file", str(port_file), "--log-level", "warning", *arguments])
            while not port_file.exists():
                if self.process.poll() is not None:
                    raise RuntimeError(f"rerankd ended with {self.process.returncode}")
                time.sleep(0.002)
            self.start_seconds = time.monotonic() - begin
            self.target = f"127.0.0.1:{port_file.read_text().strip()}"

    def memory_mib(self):
        """-> {"VmRSS": MiB, "VmHWM": MiB, "RssAnon": MiB, "RssFile": MiB}"""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return {key: int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM", "RssAnon", "RssFile")}

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)
