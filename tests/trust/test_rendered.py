"""Pictures leave under the consent of the photo they show, and nothing public hands them out unmarked."""

from __future__ import annotations

import inspect
import typing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from trust_samples import encode, picture, portrait

import fomm
from fomm.errors import ConsentError
from fomm.model.interface import GeneratedFrames
from fomm.render.animator import Animator, Portrait
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.release.film import open_release, release_still
from fomm.trust.release.live import LiveRelease
from fomm.trust.release.registry import Registry
from fomm.trust.release.rendered import Rendered

TERMS = ConsentTerms(subject="Ada", make=("animate", "live"), expires="2027-01-31", statement="Yes.")
FRAMES = np.stack([portrait(seed) for seed in range(3)])


@pytest.fixture
def leaves(ledger: Ledger) -> list[Authorisation]:
    """Leave for two people's photos."""
    photos = [encode(picture(seed)) for seed in (1, 2)]
    for photo in photos:
        ledger.grant(photo, TERMS)
    return [authorise(photo, ledger=ledger) for photo in photos]


def test_one_persons_consent_releases_nobody_else(ledger: Ledger, leaves: list[Authorisation], tmp_path: Path) -> None:
    ada, bo = leaves
    for frames in (Rendered(FRAMES, bo), Rendered(FRAMES, ada, bo), Rendered(FRAMES, None), Rendered(FRAMES), FRAMES):
        with (
            pytest.raises(ConsentError, match=r"another photo|rendered of its portrait"),
            open_release(tmp_path / "a.mp4", ada, size=(128, 96), fps=Fraction(25)) as release,
        ):
            release.write(frames)  # type: ignore[arg-type]
        with pytest.raises(ConsentError, match=r"another photo|rendered of its portrait"):
            release_still(tmp_path / "a.png", frames, ada)  # type: ignore[arg-type]
    assert list(tmp_path.glob("*.*")) == []
    assert {output.state for output in Registry(ledger).outputs()} == {"failed"}
    assert release_still(tmp_path / "a.png", Rendered(FRAMES[:1], ada), ada).path.is_file()


def test_a_live_session_ends_at_a_picture_of_somebody_else(ledger: Ledger, leaves: list[Authorisation]) -> None:
    live = LiveRelease(authorise(encode(picture(1)), ledger=ledger, purpose="live"), (512, 512))
    with pytest.raises(ConsentError, match="another photo"):
        live.send(Rendered(portrait(1, 512, 512), leaves[0]))


def test_what_was_authorised_cannot_be_painted_over(leaves: list[Authorisation]) -> None:
    image = leaves[0].image
    with pytest.raises(ValueError, match="read-only"):
        image[:] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        image.flags.writeable = True


def test_a_pipelines_frames_are_sealed_with_the_leave_of_their_photo(
    tiny_checkpoint: Path, ledger: Ledger, portrait_photo: Path, tmp_path: Path, leaves: list[Authorisation]
) -> None:
    ledger.grant(portrait_photo.read_bytes(), TERMS)
    pipeline = Pipeline(str(tiny_checkpoint), ledger=ledger)
    settings = fomm.AnimateSettings()
    leave = pipeline.authorise(portrait_photo, settings)
    assert pipeline.portrait(leave, portrait_photo, settings).leave is leave


# What would be unmarked pictures, or would make them.
PIXELS = (np.ndarray, GeneratedFrames, Animator, Portrait)


def test_no_public_name_returns_generated_pixels() -> None:
    """Every function, method and attribute of what `fomm` exports, told by its annotations."""
    handed_out = []
    for name in fomm.__all__:
        item = getattr(fomm, name)
        members = (
            {name: item, **{f"{name}.{key}": value for key, value in vars(item).items()}}
            if inspect.isclass(item)
            else {name: item}
        )
        for path, member in members.items():
            if path.rpartition(".")[2].startswith("_"):
                continue
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function):
                returned = typing.get_type_hints(function).get("return")
                if any(_holds(returned, kind) for kind in PIXELS):
                    handed_out.append(path)
    # An encoded photo (features, and the consented photo itself) is no generated picture.
    assert handed_out == ["Pipeline.portrait"]


def test_a_pipeline_shows_no_engine(tiny_checkpoint: Path, ledger: Ledger) -> None:
    pipeline = Pipeline(str(tiny_checkpoint), ledger=ledger)
    public = {key: value for key, value in vars(pipeline).items() if not key.startswith("_")}
    assert not [key for key, value in public.items() if isinstance(value, PIXELS)]
    assert "load_model" not in fomm.__all__


def _holds(hint: object, kind: type) -> bool:
    origin = typing.get_origin(hint)
    if hint is kind or origin is kind:
        return True
    return any(_holds(part, kind) for part in typing.get_args(hint))
