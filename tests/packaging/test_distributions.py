"""The source distribution holds the whole project, and a wheel built from it is the wheel that a checkout gives."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("setuptools")

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = (".git", "*.egg-info", "__pycache__", ".*_cache", ".venv", "build", "dist", "runs", "cache")
TOP = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "constraints.txt",
    "pyproject.toml",
    "setup.py",
)
FOLDERS = ("fomm", "benchmarks", "checkpoints", "config", "demo", "docs", "tests", ".ci", ".github")


def build(kind, tree, into):
    """Build with the setuptools at hand, without the network; return the one file that it made."""
    into.mkdir()
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(into)], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (made,) = into.iterdir()
    return made


def files_in(tree, folder):
    return {
        str(path.relative_to(tree))
        for path in (tree / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a source distribution from a copy of the tree, and a wheel from each."""
    root = tmp_path_factory.mktemp("packaging")
    shutil.copytree(ROOT, root / "tree", ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    source = build("sdist", root / "tree", root / "sdist")
    with tarfile.open(source) as archive:
        archive.extractall(root / "unpacked", filter="data")
    (unpacked,) = (root / "unpacked").iterdir()
    wheels = [build("wheel", tree, root / f"wheel-{name}") for name, tree in (("a", root / "tree"), ("b", unpacked))]
    return root / "tree", unpacked, [set(zipfile.ZipFile(wheel).namelist()) for wheel in wheels]


def test_the_source_distribution_holds_every_file_of_the_project(built):
    tree, unpacked, _ = built
    for name in TOP:
        assert (unpacked / name).read_bytes() == (tree / name).read_bytes()
    for folder in FOLDERS:
        missing = {name for name in files_in(tree, folder) if not name.endswith((".pyc", ".egg-info"))}
        missing -= files_in(unpacked, folder)
        assert not missing


def test_both_wheels_hold_the_same_files_models_and_demo_included(built):
    tree, _, (from_tree, from_source) = built
    assert from_tree == from_source
    for folder, place in (("config", "_config"), ("checkpoints", "_checkpoints"), ("demo", "_demo")):
        for path in (tree / folder).iterdir():
            if path.suffix in {".yaml", ".json", ".safetensors", ".jpg", ".mp4", ".md"}:
                assert f"fomm/{place}/{path.name}" in from_tree
    assert {name for name in files_in(tree, "fomm") if name.endswith((".py", ".js"))} <= from_tree
    assert not {name for name in from_tree if name.startswith(("tests/", "benchmarks/", "docs/"))}
