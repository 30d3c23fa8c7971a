"""The real server in a process of its own. Environment: RERANKD_PROGRAM."""
import os
import signal
import subprocess
import threading

PATIENCE = 120  # seconds, for anything a test waits for


class ServerProcess:
    """Serves the default model on a free port of loopback, unless `arguments` say otherwise, from
    here to the end of the `with` block. `address` is where."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        # Not the settings of a server of the tester's own.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RERANKD_")}
        self.process = subprocess.Popen(
            [os.environ["RERANKD_PROGRAM"], "--listen", "127.0.0.1:0", *self.arguments], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        killer = threading.Timer(PATIENCE, self.process.kill)
        killer.start()
        log = []
        for line in self.process.stdout:
            log.append(line)
            if "serving: address=" in line:
                self.address = line.split("serving: address=")[1].split()[0]
                break
        killer.cancel()
        if not hasattr(self, "address"):
            raise AssertionError("the server did not start: " + "".join(log))
        # Else it would wait for somebody to read its log.
        threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True).start()
        return self

    def __exit__(self, *_):
        """Fails when it does not end by itself, or not well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
        assert status == 0, f"the server ended with {status}"
