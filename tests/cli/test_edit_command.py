"""`fomm edit`: from a consented photo to a marked still, and to a motion that drives it."""

from fomm.errors import CheckpointError, ConsentError, MediaError, OutputError, SettingsError
from fomm.retarget.edit import SUFFIX


def test_a_still_and_a_motion(fomm, editing_checkpoint, portrait_photo, tmp_path, listing):
    model = ("--model", editing_checkpoint, "--device", "cpu")
    done = fomm("edit", portrait_photo, "-o", tmp_path / "still.png", "--yaw", 5, "--smile", 0.5, *model)
    assert done.code == 0, done.err
    assert "marked with the label" in done.out
    assert fomm("verify", tmp_path / "still.png").code == 0
    done = fomm("edit", portrait_photo, "-o", tmp_path / "nod.safetensors", "--pitch", -8, "--path", "hold", *model)
    assert "36 frames at 25 fps" in done.out
    assert listing() == ["nod.safetensors", "still.png"]


def test_what_cannot_be_is_one_sentence(
    fomm, editing_checkpoint, tiny_checkpoint, portrait_photo, make_photo, tmp_path
):
    out, model = tmp_path / "out.png", ("--model", editing_checkpoint, "--device", "cpu")
    stranger = make_photo(tmp_path / "stranger.png")
    fomm("edit", stranger, "-o", out, "--yaw", 5, *model).refused(ConsentError.exit_code, "fomm consent grant")
    fomm("edit", portrait_photo, "-o", out, "--yaw", 50, *model).refused(SettingsError.exit_code, "--yaw")
    fomm("edit", portrait_photo, "-o", out, "--model", tiny_checkpoint).refused(
        CheckpointError.exit_code, "tied to the face"
    )
    assert not out.exists()


def test_directions_are_not_replaced_unasked(fomm, editing_checkpoint, tmp_path):
    before = editing_checkpoint.with_suffix(SUFFIX).read_bytes()
    fomm("directions", editing_checkpoint, tmp_path).refused(OutputError.exit_code, "--force")
    fomm("directions", editing_checkpoint, tmp_path, "--force").refused(MediaError.exit_code, "index.json")
    assert editing_checkpoint.with_suffix(SUFFIX).read_bytes() == before
