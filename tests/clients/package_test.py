"""The C++ client as it is installed: a project of its own finds it, builds against nothing else, and ranks.

Environment: RERANKD_SOURCE_DIR, RERANKD_BUILD_DIR, RERANKD_PROGRAM, CMAKE (the program), and the
compiler and generator of this build: CXX, CXXFLAGS, CMAKE_GENERATOR, CMAKE_PREFIX_PATH.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import gtest_style  # noqa: E402
from server_process import ServerProcess  # noqa: E402


class PackageTest(unittest.TestCase):
    def test_a_project_of_its_own_finds_and_uses_it(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix, build = f"{folder}/prefix", f"{folder}/build"
            self.run_cmake("--install", os.environ["RERANKD_BUILD_DIR"], "--component", "client", "--prefix", prefix)
            installed = {path.name for path in pathlib.Path(prefix).rglob("*") if path.is_file()}
            self.assertIn("client.h", installed)
            self.assertNotIn("rerankctl", installed, "the component is the library alone")
            self.run_cmake("-S", str(SOURCE / "tests" / "clients" / "package"), "-B", build,
                           f"-Drerankd_client_DIR={next(pathlib.Path(prefix).rglob('rerankd_clientConfig.cmake')).parent}")
            self.run_cmake("--build", build)
            with ServerProcess() as server:
                ranked = subprocess.run([f"{build}/consumer", server.address], capture_output=True, text=True)
            self.assertEqual((ranked.returncode, ranked.stdout, ranked.stderr), (0, "1", ""))

    def run_cmake(self, *arguments):
        done = subprocess.run([os.environ["CMAKE"], *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    gtest_style.main()
