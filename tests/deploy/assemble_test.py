"""The parts of tools/image/assemble.py that decide."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "image"))
sys.dont_write_bytecode = True
import assemble  # noqa: E402

LDD = """\tlinux-vdso.so.1 (0x00007ffd2d5f2000)
\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f0f5a200000)
\tlibtorch_cpu.so => /opt/rerankd/libtorch-2.11.0/torch/lib/libtorch_cpu.so (0x00007f0f4a200000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f0f5a400000)
"""


class AssembleTest(unittest.TestCase):
    def test_reads_what_ldd_found(self):
        self.assertEqual([str(path) for path in assemble.libraries_of(LDD)],
                         ["/lib/x86_64-linux-gnu/libz.so.1", "/opt/rerankd/libtorch-2.11.0/torch/lib/libtorch_cpu.so",
                          "/lib64/ld-linux-x86-64.so.2"])

    def test_a_library_that_is_missing_stops_the_build(self):
        with self.assertRaisesRegex(ValueError, "libyaml"):
            assemble.libraries_of("\tlibyaml-cpp.so.0.7 => not found\n")

    def test_reads_every_pinned_package_of_the_project(self):
        for lock in assemble.IN_THE_IMAGE:
            text = (ROOT / "tools/third_party" / lock).read_text()
            wanted = sum("==" in line and not line.startswith("#") for line in text.splitlines())
            self.assertEqual(len(assemble.pinned(text)), wanted)
            self.assertGreater(wanted, 0)

    def test_every_component_has_a_name_that_a_scanner_understands(self):
        fields = assemble.stanza_fields("Package: zlib1g\nArchitecture: amd64\nVersion: 1:1.2.13+dfsg-1\n"
                                        "Maintainer: A <a@b>\nDescription: x\n more: text\n")
        components = [assemble.deb_component("zlib1g", fields, "debian-12"),
                      assemble.wheel_component("torch", "2.11.0", ["0" * 64])]
        bill = assemble.bill_of_materials("1.0", components)
        self.assertEqual([c["purl"] for c in bill["components"]],
                         ["pkg:deb/debian/zlib1g@1%3A1.2.13%2Bdfsg-1?arch=amd64&distro=debian-12", "pkg:pypi/torch@2.11.0"])
        self.assertEqual(bill["components"][1]["licenses"], [{"license": {"id": "BSD-3-Clause"}}])
        self.assertEqual(bill["dependencies"][0]["dependsOn"], [c["bom-ref"] for c in bill["components"]])

    def test_a_model_has_its_weights_sum_and_the_licence_of_its_card(self):
        with tempfile.TemporaryDirectory() as checkout:
            folder = pathlib.Path(checkout, "models", "own")
            folder.mkdir(parents=True)
            (folder / "model.safetensors").write_bytes(b"abc")
            (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# own\nlicense: mit\n")
            (folder.parent / "README.md").write_text("not a model\n")
            self.assertEqual(assemble.model_folders(pathlib.Path(checkout)), [folder])
            component = assemble.model_component(folder, "0.1.0")
        self.assertEqual(component["type"], "machine-learning-model")
        self.assertEqual(component["purl"], "pkg:generic/own@0.1.0")
        self.assertEqual(component["licenses"], [{"license": {"id": "Apache-2.0"}}])
        self.assertEqual(component["hashes"][0]["content"],
                         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

    def test_a_licence_without_an_spdx_name_keeps_its_own(self):
        self.assertEqual(assemble.card_license("---\nlicense: other\nlicense_name: research-only\n---\n"),
                         {"license": {"name": "research-only"}})
        self.assertEqual(assemble.card_license("---\nlicense: gfdl\n---\n"), {"license": {"name": "gfdl"}})

    def test_a_card_without_a_licence_stops_the_build(self):
        for card in ("", "# own\nlicense: mit\n", "---\nlanguage: en\n---\nlicense: mit\n", "---\nlicense:\n---\n"):
            with self.assertRaisesRegex(ValueError, "licence"):
                assemble.card_license(card)

    def test_the_card_of_each_model_of_the_project_names_its_licence(self):
        folders = assemble.model_folders(ROOT)
        self.assertIn("rerankd-mini-en-v2", [folder.name for folder in folders])
        for folder in folders:
            self.assertIn("license", assemble.card_license((folder / "README.md").read_text()))


if __name__ == "__main__":
    unittest.main()
