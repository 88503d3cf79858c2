"""Draws a set of labelled clips: planned from a seed, drawn by several processes, and gone on with after any stop.

A run leaves `index.json`, `train/`, `test/`, `LICENCE.md` and `synthesis.json`, which keeps the settings of every seed:
the same seed goes on where it stopped, another seed adds clips to the same set.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fomm.config.synthesize import SynthesisSettings
from fomm.errors import OutputError, SettingsError
from fomm.synthesis.clip.draw import Studio
from fomm.synthesis.clip.file import is_stored, store_clip
from fomm.synthesis.licence import licence_text
from fomm.synthesis.plan import SPLITS, PairPlan, plan_pair
from fomm.synthesis.portraits import PortraitFolder
from fomm.synthesis.prepare import prepare
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.portraits import PortraitLeave, authorise_portraits
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.release.delivery import sweep

_PATIENCE = 10.0  # seconds that a drawing process has to end
_VERSION = 2  # of the drawing: another one would draw other clips from the same seed


@dataclass(frozen=True)
class Sources:
    """Where portraits, expression units, and teeth and tongue are."""

    portraits: Path
    units: Path
    mouth: Path


def synthesize(
    sources: Sources,
    output: Path,
    settings: SynthesisSettings,
    *,
    ledger: Ledger | None = None,
    processes: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Draw all pairs that are not there yet and return how many were drawn.

    Args:
        sources: what clips are made of.
        output: folder of the clip set; made when missing.
        settings: what to draw.
        ledger: where the portraits' records are, whose keys also sign the clips; the user's own by default.
        processes: how many draw at the same time; the clips do not depend on it.
        on_progress: called with the number of pairs there and in all.

    Raises:
        ConsentError: a portrait has no record that it shows nobody living, its record ended, or a face is there twice.
        MediaError: portraits or archives are missing or damaged.
        SettingsError: the settings contradict an earlier run, or nothing can be drawn on this machine.
        OutputError: the folder cannot be written.
        TrustError: a portrait was made by fomm, or the ledger or a key cannot be trusted.
    """
    folder = prepare(PortraitFolder(sources.portraits))
    ledger = ledger or Ledger()
    leave = authorise_portraits({name: folder.picture(name) for name in folder.names}, ledger)
    ensure_identity(ledger.keys)
    plans = [plan_pair(folder, "train", settings.seed, n) for n in range(settings.train_pairs)]
    plans += [plan_pair(folder, "test", settings.seed, n) for n in range(settings.test_pairs)]
    licence = licence_text(sources.portraits, leave)
    _prepare(output, settings, folder)
    _write(output / "LICENCE.md", licence)
    there = [plan for plan in plans if _is_drawn(output, plan)]
    missing = [plan for plan in plans if not _is_drawn(output, plan)]
    _index(output, there)
    on_progress(len(there), len(plans))
    for plan in _draw_all(sources, leave, output, settings.frames, missing, processes):
        there.append(plan)
        _index(output, [plan])
        on_progress(len(there), len(plans))
    return len(missing)


def _draw_all(
    sources: Sources, leave: PortraitLeave, output: Path, frames: int, plans: list[PairPlan], processes: int
) -> Iterator[PairPlan]:
    """Draw pairs and yield each when its files are complete."""
    if not plans:
        return
    # Fresh interpreters: an OpenGL context does not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(sources, leave))
    try:
        waiting = list(reversed(plans))
        running: dict[Future[None], PairPlan] = {}
        while waiting or running:
            while waiting and len(running) < 2 * processes:
                plan = waiting.pop()
                running[pool.submit(_draw, plan, output, frames)] = plan
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                plan = running.pop(future)
                future.result()
                yield plan
    except BrokenProcessPool as error:
        raise OutputError(
            "A drawing process ended; start the same command again to go on, with fewer --processes if memory is short."
        ) from error
    except BaseException:
        for process in multiprocessing.active_children():  # a pair takes seconds: do not wait for it
            process.terminate()
        for process in multiprocessing.active_children():
            process.join(_PATIENCE)
            process.kill()
        _sweep(output)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_sources: Sources | None = None
_leave: PortraitLeave | None = None
_studio: Studio | None = None
_drawing = False


def _begin(sources: Sources, leave: PortraitLeave) -> None:
    global _sources, _leave
    _sources, _leave = sources, leave
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    """End this process; while it draws, by an exception, so that the encoder is stopped and its file removed."""
    if _drawing:
        sys.exit()
    os._exit(0)


def _draw(plan: PairPlan, output: Path, frames: int) -> None:
    global _studio, _drawing  # noqa: PLW0603
    assert _sources is not None  # noqa: S101
    assert _leave is not None  # noqa: S101
    if _studio is None:  # here and not in the initialiser, whose errors the pool would hide
        _studio = Studio(_sources.portraits, _sources.units, _sources.mouth, _leave)
    _drawing = True
    try:
        for name, cast, clip in zip(plan.names, plan.people, _studio.render(plan, frames), strict=True):
            store_clip(output / plan.split, name, clip, cast.names, _leave)
    except SystemExit:
        os._exit(0)  # the pool would go on with the next pair
    finally:
        _drawing = False


def _is_drawn(output: Path, plan: PairPlan) -> bool:
    return all(is_stored(output / plan.split, name) for name in plan.names)


def _prepare(output: Path, settings: SynthesisSettings, folder: PortraitFolder) -> None:
    """Make the folders, drop what a killed run left half-written, and refuse to mix two ways of drawing one seed."""
    try:
        for split in SPLITS:
            (output / split).mkdir(parents=True, exist_ok=True)
        _sweep(output)
    except OSError as error:
        raise OutputError(f"{output} cannot be written ({error.strerror}); choose another folder.") from error
    portraits = hashlib.sha256("\n".join(folder.names).encode()).hexdigest()[:16]
    drawing = {"version": _VERSION, "frames": settings.frames, "portraits": portraits}
    file = output / "synthesis.json"
    seeds = _read(file)
    if seeds.get(str(settings.seed), drawing) != drawing:
        raise SettingsError(
            f"{output} holds clips of seed {settings.seed} drawn with other settings or portraits; "
            "use another --seed or another folder."
        )
    _write(file, json.dumps(seeds | {str(settings.seed): drawing}, indent=1))


def _sweep(output: Path) -> None:
    """Remove what a killed process left half-written."""
    for split in SPLITS:
        for partial in (output / split).glob(".*.partial*"):
            partial.unlink(missing_ok=True)
        sweep(output / split)


def _index(output: Path, plans: list[PairPlan]) -> None:
    """Add pairs to `index.json`."""
    file = output / "index.json"
    entries = _read(file)
    for plan in plans:
        entries |= plan.index()
    _write(file, json.dumps(dict(sorted(entries.items())), indent=1))


def _read(file: Path) -> dict[str, object]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(entries, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OutputError(f"{file} is damaged ({error}); delete it and run the command again.") from error
    return entries


def _write(file: Path, text: str) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        os.replace(partial, file)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OutputError(f"{file} cannot be written ({error.strerror}); free some space.") from error
