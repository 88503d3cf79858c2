"""Bad input of every kind: one sentence that names the file and the fix, an exit code, and nothing left behind."""

import json
import os
import pickle
import resource
import shutil
import struct
import zlib
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.release.held import HeldFile


def huge_png():
    """A PNG of a few bytes whose header claims 100,000 x 100,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


PHOTOS = {
    "missing": ("gone.png", None, ["does not exist"]),
    "empty": ("empty.png", b"", ["empty"]),
    "text": ("notes.jpg", b"Dear diary, today I learned to animate.\n", ["text", "give a JPEG, HEIC or PNG photo"]),
    "enormous": ("bomb.png", huge_png(), ["enormous", "scale it down"]),
    "folder": ("album.png", "folder", ["is a folder"]),
    "clip": ("photo.mp4", "clip", ["video", "not a picture"]),
    "truncated": ("cut.png", "cut", ["damaged"]),
}


@pytest.mark.parametrize("case", PHOTOS)
def test_photo(animate, portrait_photo, motion_file, talk, tmp_path, listing, case):
    name, content, words = PHOTOS[case]
    photo = tmp_path / name
    if content == "folder":
        photo.mkdir()
    elif content is not None:
        contents = {"clip": talk.read_bytes(), "cut": portrait_photo.read_bytes()[:20_000]}
        photo.write_bytes(contents.get(content, content) if isinstance(content, str) else content)
    before = listing()
    animate(photo, motion_file, tmp_path / "out.mp4").refused(4, name, *words)
    assert listing() == before


def test_photo_without_a_face(animate, ledger_folder, make_photo, motion_file, tmp_path, listing):
    photo = make_photo(tmp_path / "hills.png", size=(96, 80))
    terms = ConsentTerms(kind="no_living_subject", origin="public-domain", source="drawn by the test")
    Ledger(ledger_folder).grant(photo.read_bytes(), terms, name=photo.name)
    animate(photo, motion_file, tmp_path / "out.mp4").refused(6, "hills.png", "No face", "--source-box")
    assert listing() == ["hills.png"]


CLIPS = {
    "missing": (4, "gone.mp4", ["does not exist"]),
    "empty": (4, "empty.mp4", ["empty"]),
    "text": (4, "notes.mp4", ["text"]),
    "folder": (4, "folder.mp4", ["is a folder"]),
    "picture": (8, "picture.png", ["single picture", "give a clip"]),
    "cut before its index": (4, "cut.mp4", ["damaged or incomplete"]),
    "sound only": (4, "song.mp4", ["no moving picture"]),
    "no frames": (4, "frameless.mp4", ["give a video|no frames|no readable|damaged"]),
    "no face": (6, "pattern.mp4", ["No face", "--driving-box"]),
    "missing track": (8, "gone.safetensors", ["gone.safetensors"]),
    "weights for a track": (8, "weights.safetensors", ["not a motion track"]),
    "cut track": (8, "cut.safetensors", ["cut.safetensors"]),
}


@pytest.fixture(scope="module")
def clips(talk, motion_file, tiny_checkpoint, portrait_photo, make_video, make_audio, ffmpeg_command, tmp_path_factory):
    """A folder with the files of `CLIPS`, whatever is wrong with them."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "empty.mp4").touch()
    (folder / "notes.mp4").write_text("Not a clip at all.\n" * 50)
    (folder / "folder.mp4").mkdir()
    (folder / "picture.png").write_bytes(portrait_photo.read_bytes())
    (folder / "cut.mp4").write_bytes(talk.read_bytes()[: talk.stat().st_size // 2])
    make_audio(folder / "song.mp4")
    frameless = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2", "-vf", "select=0"]
    ffmpeg_command(*frameless, "-c:v", "libx264", str(folder / "frameless.mp4"))
    make_video(folder / "pattern.mp4", frames=5)
    (folder / "weights.safetensors").write_bytes(tiny_checkpoint.read_bytes())
    (folder / "cut.safetensors").write_bytes(motion_file.read_bytes()[:-50])
    return folder


@pytest.mark.parametrize("case", CLIPS)
def test_driving_clip(animate, clips, portrait_photo, tmp_path, listing, case):
    code, name, words = CLIPS[case]
    outcome = animate(portrait_photo, clips / name, tmp_path / "out.mp4")
    outcome.refused(code, name, *(word for word in words if "|" not in word))
    for word in words:
        assert any(part in outcome.err for part in word.split("|"))
    assert listing() == []


def test_clip_cut_in_its_pictures_is_used_as_far_as_it_goes(fomm, tiny_checkpoint, make_talk, tmp_path):
    whole = make_talk(tmp_path / "whole.mkv", frames=40)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    outcome = fomm("track", cut, "-o", tmp_path / "cut.safetensors", "--model", tiny_checkpoint)
    assert outcome.code == 0
    assert "cut.mkv is damaged" in outcome.err
    assert len(outcome.err.splitlines()) == 1


WEIGHTS = {
    "missing": ("gone.safetensors", ["gone.safetensors"]),
    "text": ("text.safetensors", ["damaged or not a safetensors file"]),
    "cut": ("cut.safetensors", ["damaged"]),
    "not a number": ("nan.safetensors", ["NaN"]),
    "another configuration": ("other.safetensors", ["does not fit"]),
    "unknown key": ("key.safetensors", ["header", "wings"]),
    "hostile pickle": ("hostile.pth.tar", ["refused"]),
    "cut pickle": ("cut.pth.tar", ["cut.pth.tar"]),
}


@pytest.fixture(scope="module")
def weights(tiny_checkpoint, tmp_path_factory):
    """A folder with the files of `WEIGHTS`."""
    folder = tmp_path_factory.mktemp("weights")
    data = tiny_checkpoint.read_bytes()
    (folder / "text.safetensors").write_text("weights, honestly\n")
    (folder / "cut.safetensors").write_bytes(data[: len(data) // 2])
    with safe_open(tiny_checkpoint, framework="pt") as file:
        header = json.loads(file.metadata()["fomm"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118

    def save(name, header, tensors):
        save_file(tensors, folder / name, metadata={"fomm": json.dumps(header)})

    key = "generator.paint.bias"
    save("nan.safetensors", header, {**tensors, key: torch.full_like(tensors[key], torch.nan)})
    save("other.safetensors", {**header, "config": {**header["config"], "generator_width": 12}}, tensors)
    save("key.safetensors", {**header, "config": {**header["config"], "wings": 2}}, tensors)
    (folder / "hostile.pth.tar").write_bytes(
        pickle.dumps({"generator": Hostile(f"touch {folder}/was-run")}, protocol=2)
    )
    torch.save({"generator": {"weight": torch.zeros(100)}}, folder / "cut.pth.tar")
    (folder / "cut.pth.tar").write_bytes((folder / "cut.pth.tar").read_bytes()[:400])
    return folder


@pytest.mark.parametrize("case", WEIGHTS)
def test_checkpoint(animate, weights, portrait_photo, motion_file, tmp_path, listing, case):
    name, words = WEIGHTS[case]
    animate(portrait_photo, motion_file, tmp_path / "out.mp4", model=weights / name).refused(5, name, *words)
    assert listing() == []
    assert not (weights / "was-run").exists()


def test_settings_file_with_an_unknown_key(animate, portrait_photo, motion_file, tmp_path, listing):
    file = tmp_path / "mine.yaml"
    file.write_text("label: {colour: red}\n")
    animate(portrait_photo, motion_file, tmp_path / "out.mp4", "--settings", file).refused(2, "mine.yaml", "colour")
    missing = tmp_path / "gone.yaml"
    animate(portrait_photo, motion_file, tmp_path / "out.mp4", "--settings", missing).refused(2, "gone.yaml")
    assert listing() == ["mine.yaml"]


def test_places_where_nothing_may_be_written(animate, portrait_photo, motion_file, tmp_path, listing):
    folder, taken, photo = tmp_path / "folder", tmp_path / "taken.mp4", tmp_path / "photo.png"
    folder.mkdir()
    taken.write_bytes(b"a clip of mine")
    photo.write_bytes(portrait_photo.read_bytes())
    before = listing()
    animate(photo, motion_file, folder).refused(7, "is a folder", "name a file in it")
    animate(photo, motion_file, taken).refused(7, "taken.mp4 exists", "--force")
    animate(photo, motion_file, tmp_path / "gone" / "out.mp4").refused(7, "gone does not exist", "make it first")
    animate(photo, motion_file, tmp_path / "out.txt").refused(7, "out.txt", ".mp4")
    animate(photo, motion_file, photo, "--force").refused(7, "photo.png is one of the inputs")
    assert listing() == before
    assert taken.read_bytes() == b"a clip of mine"


def test_no_space_left(animate, portrait_photo, motion_file, tmp_path, listing):
    """A limit on the size of any file stands for a full disk: both stop the encoder in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        outcome = animate(portrait_photo, motion_file, tmp_path / "out.mp4", "--quality", "0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    outcome.refused(7, "could not be written", "another folder")
    assert listing() == []


def test_full_disk(animate, portrait_photo, motion_file, tmp_path, listing, monkeypatch):
    device, claim = Path("/dev/full"), HeldFile.__init__
    if not device.exists():
        pytest.skip("this system has no device that is always full")

    def full(held, path, *arguments, **options):
        claim(held, path, *arguments, **options)
        path.unlink()
        path.symlink_to(device)

    monkeypatch.setattr(HeldFile, "__init__", full)
    outcome = animate(portrait_photo, motion_file, tmp_path / "out.mp4")
    outcome.refused(7, "The disk is full", "free some space", str(tmp_path / "out.mp4"))
    assert ".fomm-" not in outcome.err
    assert listing() == []
    assert device.is_char_device()


@pytest.mark.skipif(os.name != "posix", reason="names are texts there")
def test_names_that_are_no_text(fomm, tiny_checkpoint, portrait_photo, talk, tmp_path, monkeypatch):
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "home"))
    photo, clip, output, model = (
        tmp_path / os.fsdecode(b"\xff\xfe" + name.encode()) for name in ("p.png", "c.mp4", "o.mp4", "m.safetensors")
    )
    for source, path in ((portrait_photo, photo), (talk, clip), (tiny_checkpoint, model)):
        shutil.copyfile(source, path)
    granted = fomm("consent", "grant", photo, "--subject", "Ada", "--until", "2999-01-31", "--statement", "Yes.")
    assert (granted.code, granted.err) == (0, "")
    render = ("--device", "cpu", "--max-seconds", "0.2", "--no-smooth")
    made = fomm("animate", photo, clip, "-o", output, "--model", tiny_checkpoint, *render)
    assert (made.code, made.err.count("Traceback")) == (0, 0)
    fomm("animate", photo, clip, "-o", tmp_path / "a.mp4", "--model", model, *render).refused(5, "not valid UTF-8")
    assert fomm("verify", output).code == 0
    assert fomm("verify", clip).code == 11
