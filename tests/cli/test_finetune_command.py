"""From a consent to train, over a model of one's own, to a clip: as a person does it on the command line."""

import shutil

from PIL import Image, ImageOps


def test_from_consent_to_a_model_of_ones_own(
    fomm, animate, portrait_photo, talk, motion_file, tiny_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    clips, model, video = tmp_path / "clips", tmp_path / "ada.safetensors", tmp_path / "out.mp4"
    clips.mkdir()
    shutil.copy(talk, clips)
    short = ("--steps", 2, "--rows", 2, "--backbone", "none", "--device", "cpu", "--model", tiny_checkpoint)
    command = ("finetune", "--portrait", portrait_photo, "--clips", clips, "-o", model, *short)
    fomm(*command).refused(3, "astronaut.png", "fomm consent grant", "--make train")

    terms = ("--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes.", "--make", "animate")
    granted = fomm("consent", "grant", portrait_photo, *terms, "--make", "train", "--clips", clips)
    assert (granted.code, granted.err) == (0, "")
    made = fomm(*command)
    assert made.code == 0, made.err
    assert made.out.startswith(f"{model}: bound to consent c-")
    assert "20 frames of clips, without the perceptual loss" in made.out
    assert "finetune (1 of 1)  step 2/2" in made.err
    assert "min left" in made.err
    fomm(*command).refused(7, "ada.safetensors exists", "--force")
    left = {
        path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix in (".png", ".jpg", ".mp4", ".npy")
    }
    assert left == {talk.name}

    assert "animates that photo only" in fomm("checkpoint", "info", model).out
    done = animate(portrait_photo, motion_file, video, model=model)
    assert (done.code, done.err) == (0, "")
    other = tmp_path / "other.png"
    ImageOps.mirror(Image.open(portrait_photo)).save(other)
    assert fomm("consent", "grant", other, *terms).code == 0
    animate(other, motion_file, tmp_path / "other.mp4", model=model).refused(3, "ada.safetensors", "animates no other")

    consent = made.out.split("consent ")[1].split()[0]
    assert fomm("consent", "revoke", consent).code == 0
    animate(portrait_photo, motion_file, tmp_path / "late.mp4", model=model).refused(3, consent, "revoked")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".mp4") == ["out.mp4"]
