"""The comparison one can look at: a consented photo driven by clips, the model beside the baselines.

Pictures of a person leave under that person's consent only, so the source is a photo with a consent record, whatever
clips the numbers come from; the film goes through `fomm.trust.release.film`, which labels, watermarks and signs it. The
dark sixth place is where the label sits, so that it covers no face.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fomm.config.animate import AnimateSettings
from fomm.config.label import LabelSettings
from fomm.errors import FommWarning, MediaError
from fomm.evaluation.baselines import COPY, SIMILARITY, THIN_PLATE
from fomm.evaluation.clips import find_entries, open_clip
from fomm.evaluation.measures.pictures import Picture
from fomm.evaluation.measures.tally import MODEL
from fomm.evaluation.reading import Reading, Tools, found_guide, read_clip, unaided
from fomm.evaluation.reenact import Driven
from fomm.evaluation.run import UNUSABLE
from fomm.face.windows import portrait_window
from fomm.tasks.progress import Progress
from fomm.tasks.tracking import naming, no_progress
from fomm.track.builder import TrackBuilder
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.release.film import Receipt, Rendered, open_release

STAGE = "compare"
DRIVING = "driving"
PANELS = (
    (COPY, "photo (copying)"),
    (DRIVING, "driving"),
    (MODEL, "model"),
    (SIMILARITY, "one similarity warp"),
    (THIN_PLATE, "thin-plate warp"),
)
COLUMNS = 3
_PANEL, _CAPTION = 256, 28
_INK, _GROUND = (235, 235, 240), (24, 26, 33)


@dataclass(frozen=True)
class Subject:
    """A photo that may be shown moving.

    Attributes:
        photo: its path.
        authorisation: the leave to do so.
        square: its face window as the model animates it, uint8 `[S, S, 3]`.
    """

    photo: Path
    authorisation: Authorisation
    square: Picture


def authorise_photo(tools: Tools, photo: Path) -> Subject:
    """Ask for leave to show a photo moving, and find the face in it; do so before anything is measured.

    Raises:
        ConsentError: no consent covers it; the sentence says how to record one.
        MediaError, FaceError, TrustError: it cannot be read, shows no face, or is an output of fomm itself.
    """
    authorisation = tools.pipeline.authorise(photo, AnimateSettings())
    with naming(photo):
        window = portrait_window(authorisation.image, tools.pipeline.finder, person=tools.pipeline._animator.person)
    shown = tools.pipeline._animator.canvas(authorisation.image, window)  # what a photo cuts off is made up
    return Subject(photo, authorisation, shown.window.crop(shown.picture, tools.side))


def write_comparison(
    tools: Tools,
    subject: Subject,
    clips: Path,
    output: Path,
    *,
    count: int = 3,
    force: bool = False,
    progress: Progress = no_progress,
) -> Receipt:
    """Film a photo driven by some of the clips, the model beside the baselines.

    Args:
        tools: model and judges.
        subject: from `authorise_photo`.
        clips: the folder that is measured on.
        output: the file to make; its suffix chooses the container.
        count: how many clips drive the photo, spread evenly over the folder.
        force: replace an existing file.
        progress: told about every frame.

    Raises:
        ConsentError: the consent was revoked or ended meanwhile.
        MediaError: none of the clips can be used.
        OutputError: the file cannot be written.
    """
    drivers = _drivers(tools, clips, count)
    total = sum(len(driver) for driver in drivers)
    driving = drivers[0].clip.path if drivers[0].clip.path.is_file() else None
    rate = min(drivers[0].clip.fps, Fraction(60))
    with open_release(
        output,
        subject.authorisation,
        size=sheet_size(),
        fps=rate,
        label=LabelSettings(corner="bottom-right"),
        provenance=tools.pipeline.provenance(subject.photo, driving, tools.settings, composite=True),
        force=force,
    ) as release:
        for driver in drivers:
            for frame in _film(tools, subject.square, driver):
                release.write(Rendered(frame, subject.authorisation))
                progress(STAGE, release.frames, total)
    return release.receipt


def sheet(pictures: dict[str, Picture], note: str) -> Picture:
    """Return one frame of the film: captioned panels, and a note in the place that is left.

    Args:
        pictures: by the names in `PANELS`, uint8 `[S, S, 3]`.
        note: a few words on what drives.
    """
    width, height = sheet_size()
    page = Image.new("RGB", (width, height), _GROUND)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    for place, (name, title) in enumerate((*PANELS, (None, note))):
        x, y = place % COLUMNS * _PANEL, place // COLUMNS * (_PANEL + _CAPTION)
        pen.text((x + 8, y + 5), title, fill=_INK, font=font)
        if name is not None:
            picture = Image.fromarray(pictures[name])
            page.paste(picture.resize((_PANEL, _PANEL), Image.Resampling.BICUBIC), (x, y + _CAPTION))
    return np.asarray(page)


def sheet_size() -> tuple[int, int]:
    """Return (width, height) of the film in px: 512 or more on the short side, so that the watermark holds."""
    rows = -(-(len(PANELS) + 1) // COLUMNS)
    return COLUMNS * _PANEL, rows * (_PANEL + _CAPTION)


def _drivers(tools: Tools, clips: Path, count: int) -> list[Reading]:
    """Read the clips that drive, leaving labels aside: a photo has none to go with them."""
    drivers = []
    for entry in find_entries(clips, count):
        try:
            drivers.append(read_clip(open_clip(entry.path, None, tools.side, tools.pipeline.finder), tools))
        except UNUSABLE as error:
            warnings.warn(f"Not in the comparison: {error}", FommWarning, stacklevel=3)
    if not drivers:
        raise MediaError(f"No clip in '{clips}' can drive the comparison; see the notes before this line.")
    return drivers


def _film(tools: Tools, square: Picture, driver: Reading) -> Iterator[Picture]:
    builder = TrackBuilder(driver.clip.fps, tools.pipeline.detector)
    builder.append(tools.pipeline._animator.detect([square]))
    landmarks = tools.landmarker.find(square)
    guide, kind = found_guide(builder.build(), [landmarks], tools)
    if kind != driver.guide_name:  # one of them shows no face to the landmarker: both are driven by keypoints then
        guide, _ = found_guide(builder.build(), [None], tools)
        driver = unaided(driver, tools)
    driven = Driven(tools, square, guide[0], driver, "best")
    for made, driving in zip(driven.frames(), driver.frames(), strict=False):
        yield sheet({**made, DRIVING: driving}, f"driven by {driver.clip.name}")
