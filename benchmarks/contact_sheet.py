"""Animate held-out portraits with other people's clips and lay 24 results out on one sheet to look at.

    python benchmarks/contact_sheet.py --portraits DATA/portraits --clips DATA/clips -o docs/results.jpg

Portraits and clips show nobody (AI-generated, CC0). Every result is rendered and released like any other output, with
label, watermark and manifest; the sheet shows one frame of each, always the same one, beside photo and driving frame,
and is marked itself.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from material import ledger_with
from numpy.typing import NDArray
from PIL import Image

from fomm.config.animate import AnimateSettings
from fomm.media.video import read_video
from fomm.tasks.animate import Pipeline
from fomm.trust.marks.kinds import RESULT_SHEET
from fomm.trust.release.sheet import SheetMarker

RESULTS, COLUMNS, MOMENT, SIDE = 24, 4, 26, 176


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True, help="labelled clips; their test split drives")
    parser.add_argument("--model", default="compact-256")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    photos = sorted(arguments.portraits.glob("*5.jpg"))
    drivers = held_out_clips(arguments.clips)
    tiles = []
    with tempfile.TemporaryDirectory() as scratch:
        pipeline = Pipeline(arguments.model, ledger=ledger_with(Path(scratch), photos))
        for number in range(RESULTS):
            photo, driver = photos[number % len(photos)], drivers[(3 * number + 1) % len(drivers)]
            output = Path(scratch) / f"{number}.mp4"
            pipeline.animate(photo, driver, output, AnimateSettings())
            frames = [np.asarray(Image.open(photo).convert("RGB")), frame_of(driver), frame_of(output)]
            tiles.append(np.concatenate([square(frame) for frame in frames], axis=1))
    pictures = np.stack(tiles).reshape(RESULTS // COLUMNS, COLUMNS, *tiles[0].shape)
    SheetMarker(RESULT_SHEET, arguments.model).mark(pictures).write(arguments.output)


def held_out_clips(root: Path) -> list[Path]:
    """Return the test clips whose main face no training clip shows."""
    index = json.loads((root / "index.json").read_text(encoding="utf-8"))
    names = [name for name, entry in index.items() if entry["split"] == "test" and entry["portrait"].endswith("5")]
    return [root / "test" / f"{name}.mp4" for name in sorted(names)]


def frame_of(clip: Path) -> NDArray[np.uint8]:
    for number, frame in enumerate(read_video(clip)):
        if number == MOMENT:
            return frame
    raise SystemExit(f"{clip} has no frame {MOMENT}.")


def square(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
