"""Every public way to a generated frame refuses a photo without a consent record, and leaves no file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fomm import cli
from fomm.config.animate import AnimateSettings
from fomm.config.edit_photo import EditPhotoSettings
from fomm.errors import ConsentError
from fomm.tasks.animate import Pipeline
from fomm.tasks.edit import edit_still, save_edit_motion
from fomm.trust.consent.ledger import Ledger
from fomm.trust.release.film import open_release, release_still
from fomm.trust.release.rendered import Rendered

REFUSED = 3  # the command line's exit code for a missing consent


@pytest.fixture
def stranger(portrait_photo: Path, tmp_path: Path) -> Path:
    """A photo that no ledger knows, alone in a folder."""
    photo = tmp_path / "pictures" / "stranger.png"
    photo.parent.mkdir()
    Image.open(portrait_photo).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photo)
    return photo


@pytest.fixture
def pipeline(tiny_checkpoint: Path, tmp_path: Path) -> Pipeline:
    return Pipeline(str(tiny_checkpoint), ledger=Ledger(tmp_path / "empty"))


def test_python_api(pipeline, stranger, talk):
    with pytest.raises(ConsentError, match="fomm consent grant"):
        pipeline.animate(stranger, talk, stranger.parent / "out.mp4", AnimateSettings())
    with pytest.raises(ConsentError):
        pipeline.authorise(stranger, AnimateSettings())  # what a preview needs
    edit = EditPhotoSettings.from_mapping({"edit": {"yaw": 5.0}})
    with pytest.raises(ConsentError):
        edit_still(pipeline, stranger, stranger.parent / "out.png", edit)
    with pytest.raises(ConsentError):
        save_edit_motion(pipeline, stranger, stranger.parent / "out.safetensors", edit)
    assert [path.name for path in stranger.parent.iterdir()] == ["stranger.png"]


@pytest.mark.parametrize("leave", [None, True, object()])
def test_release_itself(leave, tmp_path):
    frame = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(ConsentError), open_release(tmp_path / "o.mp4", leave, size=(64, 64), fps=Fraction(25)):
        pytest.fail("a release opened without leave")
    with pytest.raises(ConsentError):
        release_still(tmp_path / "o.png", Rendered(frame, None), leave)
    assert not list(tmp_path.iterdir())


def test_command_line(stranger, talk, tiny_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    output = stranger.parent / "out.mp4"
    command = ["fomm", "animate", str(stranger), str(talk), "-o", str(output), "--model", str(tiny_checkpoint)]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == REFUSED
    assert "No consent is recorded" in capsys.readouterr().err
    assert [path.name for path in stranger.parent.iterdir()] == ["stranger.png"]


def test_studio(pipeline, stranger, talk):
    pytest.importorskip("gradio", reason="the studio extra is not installed: pip install 'fomm[studio]'")
    from fomm.studio.service import Studio

    studio = Studio(pipeline)
    try:
        session = studio.sessions.get("visitor")
        with pytest.raises(ConsentError):
            studio.preview(session, stranger, talk, AnimateSettings())
        with pytest.raises(ConsentError):
            studio.preview_edit(session, stranger, EditPhotoSettings())
        with pytest.raises(ConsentError):
            studio.edit(session, stranger, EditPhotoSettings(), ".png")
        work = studio.render(session, stranger, talk, AnimateSettings())
        for _ in work.watch():
            pass
        with pytest.raises(ConsentError):
            work.result()
        assert not [path for path in session.folder.rglob("*") if path.suffix in (".mp4", ".png")]
    finally:
        studio.close()
