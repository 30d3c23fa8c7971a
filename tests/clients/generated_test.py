"""The generated code that is checked in is what tools/generate.sh makes of proto/ today.

Environment: RERANKD_SOURCE_DIR.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
GENERATE = SOURCE / "tools" / "generate.sh"
NO_LANGUAGE, NO_GENERATOR = 3, 4
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import gtest_style  # noqa: E402


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}


class GeneratedTest(unittest.TestCase):
    def compare(self, language, folder):
        with tempfile.TemporaryDirectory() as into:
            done = subprocess.run([GENERATE, "--into", into, language], capture_output=True, text=True)
            # Continuous integration can fetch the generators.
            if done.returncode == NO_LANGUAGE or (done.returncode == NO_GENERATOR and not os.environ.get("CI")):
                self.skipTest(done.stderr.strip())
            self.assertEqual(done.returncode, 0, done.stderr)
            fresh = files(pathlib.Path(into, folder))
        checked_in = files(SOURCE / folder)
        self.assertTrue(fresh)
        self.assertEqual(sorted(fresh), sorted(checked_in))
        stale = [name for name, content in fresh.items() if content != checked_in[name]]
        self.assertEqual(stale, [], f"run tools/generate.sh {language}")


def add_cases():
    listed = subprocess.run([GENERATE, "--list"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        language, folder = line.split()
        setattr(GeneratedTest, f"test_{language}_is_not_stale",
                lambda self, language=language, folder=folder: self.compare(language, folder))


add_cases()
if __name__ == "__main__":
    gtest_style.main()
