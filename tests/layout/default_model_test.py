"""cmake/DefaultModel.cmake in build folders of every age. Environment: RERANKD_SOURCE_DIR, CMAKE (the program)."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import gtest_style  # noqa: E402

PROJECT = f"""cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES NONE)
include({SOURCE}/cmake/DefaultModel.cmake)
message(STATUS "default model: ${{RERANKD_DEFAULT_MODEL_DIR}}")
"""


class DefaultModelTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "CMakeLists.txt").write_text(PROJECT)
        self.own = str(self.folder / "models" / "rerankd-mini-en-v2")

    def configured(self, *arguments):
        """The folder that the same build folder settles on, configured once more."""
        done = subprocess.run([os.environ["CMAKE"], "-S", self.folder, "-B", self.folder / "build", *arguments],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return re.search("default model: (.*)", done.stdout)[1]

    def test_the_projects_own_unless_another_is_named(self):
        self.assertEqual(self.configured(), self.own)
        self.assertEqual(self.configured("-DRERANKD_DEFAULT_MODEL=/models/mine"), "/models/mine")
        self.assertEqual(self.configured(), "/models/mine", "what was named is remembered")
        self.assertEqual(self.configured("-DRERANKD_DEFAULT_MODEL="), self.own)

    def test_a_build_folder_of_an_earlier_version_moves_on(self):
        self.configured()
        with open(self.folder / "build" / "CMakeCache.txt", "a") as cache:
            cache.write("RERANKD_DEFAULT_MODEL_DIR:PATH=/cache/models/all-MiniLM-L6-v2\n")
        self.assertEqual(self.configured(), self.own)

    def test_the_own_one_is_whole(self):
        names = {path.name for path in (SOURCE / "models" / "rerankd-mini-en-v2").iterdir()}
        self.assertLessEqual({"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                              "special_tokens_map.json", "vocab.txt", "expected_scores.json", "README.md"}, names)


if __name__ == "__main__":
    gtest_style.main()
