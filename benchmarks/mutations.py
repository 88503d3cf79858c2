"""Break the wiring on purpose, one call at a time, and see whether the tests notice.

A rule may be tested well by itself while nothing fails when its call is deleted. Each mutation below deletes or
disconnects one call; the test files named with it must fail then. The tree is copied to a temporary folder, so the
checkout is left alone. A file's mutations are keyword arguments: name = (exact old text, new text).

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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LEFT_BEHIND = (".git", "*.egg-info", "__pycache__", ".*_cache", ".venv", "build", "dist", "runs", "cache")
_PASSED, _FAILED = 0, 1  # exit statuses of pytest; any other means that it could not run the tests


@dataclass(frozen=True)
class Mutation:
    """One change of one file, and the test files that must fail with it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def of(file: str, *tests: str, **changes: tuple[str, str]) -> list[Mutation]:
    """Return mutations of a file that the same test files must catch."""
    return [Mutation(name, file, old, new, tests) for name, (old, new) in changes.items()]


MUTATIONS = [
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_render_stages.py",
        smoothing=("= smooth(self.track(driving, settings, progress), settings.smooth)", "= self.track(driving, settings)"),
        smooth_settings=("settings, progress), settings.smooth)", "settings, progress))"),
        transfer_settings=("motion, settings.carried, self.anatomy)", "motion, None, self.anatomy)"),
        plain_square=("motion, settings.carried, self.anatomy)", "motion, settings.transfer, self.anatomy)"),
        anatomy=("motion, settings.carried, self.anatomy)", "motion, settings.carried)"),
        mood=("start_of(self, portrait, settings.mood)", "start_of(self, portrait, type(settings.mood)())"),
    ),
    *of(
        "fomm/retarget/transfer.py",
        "tests/tasks/test_render_stages.py",
        blinks=("if anatomy is not None and settings.full_blinks and settings", "if False and settings"),
        lips=("value = close_lips(value, mouths, anatomy.size(mouths.start), anatomy.lips)", "pass"),
        jaw=("value = drop_jaw(", "drop_jaw("),
        held_back=("head, kept = held_back(", "held_back("),
    ),
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_label_place.py",
        label_of_a_clip=("face_box=face_box,\n            force=force,\n        ) as", "force=force,\n        ) as"),
        label_of_a_still=("face_box=face_box,\n                force=force", "force=force"),
    ),
    *of("fomm/tasks/edit.py", "tests/tasks/test_label_place.py", label_of_an_edit=("face_box=box,", "")),
    *of(
        "fomm/tasks/doors.py",
        "tests/tasks/test_label_place.py",
        face_area=("return (window.x + inset, window.y + inset, ", "return None and ("),
    ),
    *of(
        "fomm/tasks/tracking.py",
        "tests/tasks/test_surface_followed.py",
        surface=("self._surface.follow(squares, keypoints, [reason == SEEN for reason in why], fit)", "keypoints"),
        surface_of_anything=("self._surface.follow(squares, keypoints, seen)", "keypoints"),
        surface_of_each_shot=("self._surface, self._good, self._lit = surface_tracker(self._animator), 0, 0.0", "pass"),
    ),
    *of(
        "fomm/model/compact.py",
        "tests/model/test_encoded_source.py",
        belongings=("with_belongings(source, matte)", "matte"),
        plate_texture=("plate = with_texture(source, places, plate)", "pass"),
    ),
    *of(
        "fomm/model/compact.py",
        "tests/source/test_tone.py",
        tone=("tone_of(source, fine)", "tone_of(source, 0 * fine)"),
    ),
    *of(
        "fomm/render/animator.py",
        "tests/render/test_mirrored_half_frames.py",
        mirrored_portrait=("self._mirrored(picture, keypoints)", "None"),
        mirrored_frames=("return with_far_half(made, other, mirrored.half, driving.value)", "return made"),
    ),
    *of(
        "fomm/render/paste_back.py",
        "tests/render/test_behind.py",
        fine_texture=("fine_texture(portrait, grid, self._resample, self._side) if pasted else None", "None"),
    ),
    *of(
        "fomm/training/loop/trainer.py",
        "tests/training/test_draws.py",
        seed_of_rank=("return position * self.workers.world + self.workers.rank", "return position"),
        seed_of_step=("* 10_000_000 + step", "* 10_000_000"),
        seed_of_phase=("self.settings.seed * 64 + self.state.stage", "self.settings.seed * 64"),
        seeded_losses=("torch.manual_seed(self._seed(step))", "pass"),
    ),
]  # fmt: skip


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
            print(f"{mutation.name:<22}{mutation.file:<34}{' '.join(mutation.tests)}")
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
            print(f"{mutation.name:<22}{mutation.file:<34}{result}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} caught")
    sys.exit(1 if survived else 0)


if __name__ == "__main__":
    main()
