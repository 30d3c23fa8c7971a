"""Writes a lock file of tools/third_party: what pip chooses today for some requirements, by hash.

Usage: lock_wheels.py TITLE REQUIREMENT... > tools/third_party/NAME.txt
The wheels are those for Linux x86_64 of the Pythons that tools/lib/client_tools.sh knows. A requirement
that begins with "=" comes alone, without what it asks for.
"""
import collections
import hashlib
import pathlib
import subprocess
import sys
import tempfile

PYTHONS = ["3.11", "3.12"]
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]


def download(python, folder, options, requirements):
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                    "--only-binary=:all:", "--python-version", python, *platforms, "-d", folder,
                    *options, *requirements], check=True, stdout=sys.stderr)


def main(title, *requirements):
    alone = [requirement[1:] for requirement in requirements if requirement.startswith("=")]
    others = [requirement for requirement in requirements if not requirement.startswith("=")]
    hashes, pythons = collections.defaultdict(set), collections.defaultdict(set)
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as folder:
            download(python, folder, [], others)
            if alone:
                download(python, folder, ["--no-deps"], alone)
            for wheel in pathlib.Path(folder).iterdir():
                name, version = wheel.name.split("-")[:2]
                hashes[name, version].add(hashlib.sha256(wheel.read_bytes()).hexdigest())
                pythons[name, version].add(python)
    print(f"# {title}\n# Wheels for CPython {' and '.join(PYTHONS)} on Linux x86_64. Made by tools/lock_wheels.py with:")
    print("# " + " ".join(requirements))
    for (name, version), found in sorted(hashes.items()):
        # Pythons for which pip chooses different versions.
        only = pythons[name, version]
        marker = "" if len(only) == len(PYTHONS) else f' ; python_version == "{only.pop()}"'
        listed = " ".join(f"--hash=sha256:{one}" for one in sorted(found))
        print(f"{name.replace('_', '-')}=={version}{marker} {listed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
