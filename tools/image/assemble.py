#!/usr/bin/env python3
"""Puts together the root file system of the image: the programs, the libraries they use, the default
model, what the C library and TLS look up, licences, and a bill of materials (CycloneDX).

Runs in the build stage of the Dockerfile; writes below --root and nowhere else.
"""
import argparse
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

# "	libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)" and "	/lib64/ld-linux-x86-64.so.2 (0x…)"
NEEDED = re.compile(r"^\s+(?:\S+ => )?(/\S+|not found)(?: \(0x[0-9a-f]+\))?$")
USER = 65532  # what "nonroot" is elsewhere, too
OWN_LIBRARIES = "usr/lib/rerankd"
PINNED = re.compile(r"^(\S+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)$")
LICENSES = {"torch": "BSD-3-Clause"}  # by SPDX; the others have names only
# Cards name licences as Hugging Face's hub does: in lower case, else as SPDX.
CARD_LICENSES = {name.lower(): name for name in (
    "Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0",
    "CC0-1.0", "MIT")}
IN_THE_IMAGE = ("libtorch.txt",)  # of tools/third_party
CUDA_LIBRARIES = "libtorch-cuda-*"  # in the cache, from tools/setup.sh --cuda
FOR_CUDA = ("libtorch-cuda.txt",)


def libraries_of(ldd_output):
    """The files of `ldd`'s lines. Raises ValueError for one that is not found."""
    files = []
    for line in ldd_output.splitlines():
        if match := NEEDED.match(line):
            if match.group(1) == "not found":
                raise ValueError(f"a library is missing: {line.strip()}")
            files.append(pathlib.Path(match.group(1)))
    return files


def canonical(path):
    """Where the merged /usr has the file: /lib/x -> /usr/lib/x. Its name stays what programs ask for."""
    return path.parent.resolve() / path.name


def pinned(lock):
    """(name, version, SHA-256 sums) of each package in a lock file's text."""
    matches = filter(None, (PINNED.match(line) for line in lock.splitlines()))
    return [(name, version, re.findall(r"[0-9a-f]{64}", hashes)) for name, version, hashes in
            (match.groups() for match in matches)]


def deb_component(package, fields, distribution):
    version, architecture = fields["Version"], fields["Architecture"]
    return {"type": "library", "name": package, "version": version,
            "purl": f"pkg:deb/debian/{package}@{version.replace('+', '%2B').replace(':', '%3A')}"
                    f"?arch={architecture}&distro={distribution}",
            "supplier": {"name": fields.get("Maintainer", "Debian")}}


def wheel_component(name, version, hashes):
    component = {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}",
                 "hashes": [{"alg": "SHA-256", "content": content} for content in hashes]}
    if name in LICENSES:
        component["licenses"] = [{"license": {"id": LICENSES[name]}}]
    elif name.startswith("nvidia-"):    # no SPDX name; most of the wheels bring the text, which is in usr/share/doc
        component["licenses"] = [{"license": {"name": "NVIDIA's licence of its CUDA libraries"}}]
    return component


def card_license(card):
    """The licence that a model's card names between its first two lines of "---", as CycloneDX has it."""
    fields = re.match(r"---\n(.*?\n)---\n", card, re.DOTALL)
    values = dict(re.findall(r"^(license|license_name): *(\S.*?) *$", fields[1], re.MULTILINE)) if fields else {}
    if "license" not in values:
        raise ValueError("the model's card (README.md) names no licence: it must begin with a block that has a line \"license: …\"")
    name = values["license"]
    if name in CARD_LICENSES:
        return {"license": {"id": CARD_LICENSES[name]}}
    return {"license": {"name": values.get("license_name", name)}}


def model_component(folder, version):
    """A model that the project itself made, and that comes with this version of it."""
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return {"type": "machine-learning-model", "name": folder.name, "version": version,
            "purl": f"pkg:generic/{folder.name}@{version}", "supplier": {"name": "rerankd"},
            "description": "the default model; the sum is that of its model.safetensors",
            "hashes": [{"alg": "SHA-256", "content": weights}],
            "licenses": [card_license((folder / "README.md").read_text())]}


def bill_of_materials(version, components):
    own = {"type": "application", "name": "rerankd", "version": version, "bom-ref": "rerankd",
           "licenses": [{"license": {"id": "Apache-2.0"}}]}
    for component in components:
        component["bom-ref"] = component["purl"]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": own},
            "components": sorted(components, key=lambda c: c["purl"]),
            "dependencies": [{"ref": "rerankd", "dependsOn": sorted(c["purl"] for c in components)}]}


def stanza_fields(stanza):
    """The one-line fields of a Debian control stanza."""
    return dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def model_folders(checkout):
    return sorted(path for path in (checkout / "models").iterdir() if path.is_dir())


class Image:
    def __init__(self, root, cache):
        self.root, self.cache = root, cache
        self.packages = set()

    def path(self, name):
        path = self.root / str(name).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name, text):
        self.path(name).write_text(text)

    def add_of_package(self, source):
        """A file of a Debian package, where it was, and the package's licence with it."""
        source = canonical(source)
        shutil.copy(source, self.path(source))
        owner = None
        # dpkg knows a file by the path that its package has it under, which may be before the merge.
        for name in dict.fromkeys((source, source.resolve(), *(pathlib.Path(str(p).removeprefix("/usr"))
                                                              for p in (source, source.resolve())))):
            found = subprocess.run(["dpkg-query", "-S", str(name)], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, check=False)
            if found.returncode == 0:
                owner = found.stdout.split(": ")[0].split(":")[0]
                break
        if owner is None:
            raise ValueError(f"{source} is of no Debian package and not below {self.cache}")
        self.packages.add(owner)

    def add_own_library(self, source):
        target = self.path(f"{OWN_LIBRARIES}/{source.name}")
        run("strip", "--strip-unneeded", "-o", str(target), str(source.resolve()))
        target.chmod(0o755)

    def add_cuda_libraries(self):
        """What is loaded for a model on a GPU, beside LibTorch; false where it was not set up. NVIDIA's stay as they are."""
        libraries = [path for path in self.cache.glob(CUDA_LIBRARIES + "/**/*.so*") if path.is_file()]
        for library in libraries:
            target = self.path(f"{OWN_LIBRARIES}/{library.name}")
            shutil.copy(library, target)
            target.chmod(0o755)
        return bool(libraries)

    def add_program(self, program):
        target = self.path(f"usr/bin/{program.name}")
        for library in libraries_of(run("ldd", str(program))):
            if library.is_relative_to(self.cache):
                self.add_own_library(library)
            else:
                self.add_of_package(library)
        shutil.copy(program, target)
        run("strip", "--strip-unneeded", str(target))

    def add_merged_usr(self):
        for name in ("lib", "lib64", "bin", "sbin"):
            if not pathlib.Path(f"/{name}").is_symlink():
                continue
            (self.root / "usr" / name).mkdir(parents=True, exist_ok=True)
            self.path(name).symlink_to(f"usr/{name}")

    def add_system_files(self):
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", self.path("etc/ssl/certs/ca-certificates.crt"))
        self.packages |= {"ca-certificates", "base-files"}
        shutil.copy("/etc/os-release", self.path("etc/os-release"))
        self.write("etc/nsswitch.conf", "hosts: files dns\n")
        self.write("etc/passwd", "root:x:0:0:root:/:/nonexistent\n"
                                 f"rerankd:x:{USER}:{USER}:rerankd:/nonexistent:/nonexistent\n")
        self.write("etc/group", f"root:x:0:\nrerankd:x:{USER}:\n")
        for name, mode in (("models", 0o755), ("run/rerankd", 0o755)):
            folder = self.path(name)
            folder.mkdir(mode=mode)
            shutil.chown(folder, USER, USER)
        self.path("tmp").mkdir(mode=0o1777)

    def add_licences(self, checkout):
        shutil.copy(checkout / "LICENSE", self.path("usr/share/doc/rerankd/LICENSE"))
        for package in self.packages:
            source = pathlib.Path(f"/usr/share/doc/{package}/copyright")
            shutil.copy(source.resolve(), self.path(source))
        for folder in self.cache.glob("libtorch-*/*.dist-info"):
            for source in folder.rglob("*"):
                if source.is_file() and re.match("(LICENSE|NOTICE|License)", source.name):
                    shutil.copy(source, self.path(f"usr/share/doc/{folder.stem}/{source.name}"))

    def add_package_list(self, checkout, version, locks):
        """For scanners: dpkg's own lines, one file a package, and the bill of materials."""
        distribution = "debian-" + re.search(r'VERSION_ID="?(\w+)', pathlib.Path("/etc/os-release").read_text())[1]
        components = []
        for package in sorted(self.packages):
            stanza = run("dpkg-query", "-s", package)
            self.write(f"var/lib/dpkg/status.d/{package}", stanza)
            components.append(deb_component(package, stanza_fields(stanza), distribution))
        for lock in locks:
            text = (checkout / "tools/third_party" / lock).read_text()
            components += [wheel_component(*package) for package in pinned(text)]
        components += [model_component(folder, version) for folder in model_folders(checkout)]
        components = list({c["purl"]: c for c in components}.values())  # LibTorch is of two lock files
        self.write("usr/share/rerankd/sbom.cdx.json",
                   json.dumps(bill_of_materials(version, components), indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True, help="where tools/setup.sh put LibTorch")
    parser.add_argument("--version", required=True)
    parser.add_argument("programs", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    checkout = pathlib.Path(__file__).resolve().parent.parent.parent

    image = Image(arguments.root, arguments.cache)
    image.add_merged_usr()
    for program in arguments.programs:
        image.add_program(program)
    locks = IN_THE_IMAGE + (FOR_CUDA if image.add_cuda_libraries() else ())
    image.add_system_files()
    for folder in model_folders(checkout):
        shutil.copytree(folder, image.path(f"usr/share/rerankd/models/{folder.name}"))
    shutil.copy(checkout / "deploy/image/rerankd.yaml", image.path("etc/rerankd/rerankd.yaml"))
    image.add_licences(checkout)
    image.add_package_list(checkout, arguments.version, locks)
    files = [f for f in arguments.root.rglob("*") if f.is_file() and not f.is_symlink()]
    print(f"{len(image.packages)} packages, {len(files)} files, {sum(f.stat().st_size for f in files) >> 20} MiB")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
