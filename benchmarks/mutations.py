"""Break the wiring on purpose, one call at a time, and see whether the tests notice.

A rule may be tested well by itself while nothing fails when its call is deleted. Each mutation of `mutation_list`
deletes or disconnects one call; the test files named with it must fail then. The tree is copied to a temporary folder,
so the checkout is left alone. Exits with 1 if a mutation survived.

    python benchmarks/mutations.py --only smoothing
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mutation_list import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[1]
_LEFT_BEHIND = (".git", "*.egg-info", "__pycache__", ".*_cache", ".venv", "build", "dist", "runs", "cache")
_PASSED, _FAILED = 0, 1  # exit statuses of pytest; any other means that it could not run the tests


def mutated(mutation: Mutation, tree: Path) -> str:
    """Return the text of a mutation's file with the change.

    Raises:
        SystemExit: the old text is not there exactly once.
    """
    text = (tree / mutation.file).read_text(encoding="utf-8")
    if (found := text.count(mutation.old)) != 1:
        raise SystemExit(f"{mutation.name}: {mutation.file} has the old text {found} times, not once.")
    return text.replace(mutation.old, mutation.new)


def run_tests(tree: Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run test files of a tree until the first failure; bytecode is not kept, as it could be of another mutation."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    settings = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=settings, capture_output=True, text=True, check=False)


def try_out(mutation: Mutation, tree: Path) -> str:
    """Return what becomes of a mutation: caught, SURVIVED, or BROKEN where tests could not even begin."""
    path = tree / mutation.file
    before = path.read_text(encoding="utf-8")
    path.write_text(mutated(mutation, tree), encoding="utf-8")
    try:
        status = run_tests(tree, mutation.tests).returncode
    finally:
        path.write_text(before, encoding="utf-8")
    return {_PASSED: "SURVIVED", _FAILED: "caught"}.get(status, "BROKEN")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="Try this one; may be given several times.")
    parser.add_argument("--list", action="store_true", help="Say which there are, and try none.")
    arguments = parser.parse_args()
    names = {mutation.name for mutation in MUTATIONS}
    if unknown := set(arguments.only or ()) - names:
        parser.error(f"there is no mutation {', '.join(sorted(unknown))}; --list names them all")
    chosen = [mutation for mutation in MUTATIONS if not arguments.only or mutation.name in arguments.only]
    if arguments.list:
        for mutation in chosen:
            print(f"{mutation.name:<30}{mutation.file:<32}{' '.join(mutation.tests)}")
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*_LEFT_BEHIND))
        for mutation in chosen:  # told now, not after half an hour
            mutated(mutation, tree)
        unchanged = run_tests(tree, sorted({test for mutation in chosen for test in mutation.tests}))
        if unchanged.returncode != _PASSED:
            told = unchanged.stdout[-3000:] + unchanged.stderr[-1000:]
            raise SystemExit(f"The tests fail without any mutation:\n{told}")
        survived = 0
        for mutation in chosen:
            result = try_out(mutation, tree)
            survived += result != "caught"
            print(f"{mutation.name:<30}{mutation.file:<32}{result}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} caught")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
