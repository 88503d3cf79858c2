"""What a refused render advises is done as it says, and then it renders."""

from __future__ import annotations

import re
import shlex
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tried import TERMS, suggested, tries

from fomm.config.encode import EncodeSettings
from fomm.config.face import FaceSettings
from fomm.config.label import LabelSettings
from fomm.errors import OutputError, SettingsError
from fomm.face.locate import FaceFinder
from fomm.face.remarks import FaceWarning
from fomm.face.windows import portrait_window, steady_window
from fomm.media.codecs import choose_codec, container_for, encoder_options
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.label import Label
from fomm.trust.release.film import Rendered, open_release, release_still
from fomm.weights.locations import demo_folder


def endings(message):
    """The endings a message advises."""
    return re.findall(r"\.[a-z0-9]+", message.rsplit("end its name in one of", 1)[1].rstrip(".\n"))


def number(message):
    """The quality a message advises."""
    return int(re.findall(r"--quality (\d+) or lower", message)[0])


@tries("as a {kind}, which every output does; end its name in one of")
@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.txt", "a"])
def test_endings_of_a_video(animate, tmp_path, name):
    code, said = animate(tmp_path / name)
    assert code == OutputError.exit_code
    assert len(endings(said)) > 1
    for ending in endings(said) if name == "a.mkv" else ():
        code, said = animate(tmp_path / f"result{ending}")
        assert code == 0, said


@tries("is the name of a picture, but {driving} moves: end the name in .mp4, or give a single picture as driver")
@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_a_picture_of_a_clip(animate, consented, editing_checkpoint, tmp_path, name):
    code, said = animate(tmp_path / name)
    assert code == OutputError.exit_code
    ending = re.search(r"end the name in (\.\w+), or give a single picture", said).group(1)
    assert animate(tmp_path / f"result{ending}")[0] == 0
    still = tmp_path / "driver.png"
    Image.open(consented).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(still)
    code, said = animate(tmp_path / name, "--model", editing_checkpoint, driving=still)
    assert code == 0, said


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.tif", "a"])
def test_endings_of_a_picture(run, consented, editing_checkpoint, tmp_path, name):
    edit = ["edit", consented, "--yaw", "2", "--model", editing_checkpoint, "--crop-only"]
    code, said = run(*edit, "-o", tmp_path / name)
    assert code == OutputError.exit_code
    assert len(endings(said)) > 1
    for ending in endings(said) if name == "a.mp4" else ():
        code, said = run(*edit, "-o", tmp_path / f"result{ending}")
        assert code == 0, said


@tries("is too coarse for {output}")
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_hopeless_quality_is_refused_before_anything_is_read(animate, talk, tmp_path, codec):
    code, said = animate(tmp_path / "a.mp4", "--quality", 51, "--codec", codec, driving=talk, small=False)
    assert code == SettingsError.exit_code
    assert "track" not in said
    code, said = animate(tmp_path / "a.mp4", "--quality", number(said), "--codec", codec, small=False)
    assert code == 0, said
    assert "read back" in said


def test_it_is_for_a_small_result_too(animate, tmp_path):  # which leaves enlarged
    code, said = animate(tmp_path / "a.mp4", "--quality", 51)
    assert code == SettingsError.exit_code
    code, said = animate(tmp_path / "a.mp4", "--quality", number(said))
    assert code == 0, said
    assert "read back" in said


@pytest.fixture
def release(home, consented, tmp_path):
    """Release four frames of the bundled portrait at a quality and return what the receipt says of the watermark."""
    ledger = Ledger(home)
    with Image.open(demo_folder() / "portrait.jpg") as portrait:
        frame = np.asarray(portrait.resize((720, 720)))
    leave = authorise(consented.read_bytes(), ledger=ledger)

    def attempt(name, **encode):
        output, size = tmp_path / name, (720, 720)
        settings = EncodeSettings(**encode)
        with open_release(output, leave, size=size, fps=Fraction(25), encode=settings, force=True) as opened:
            opened.write(Rendered(np.stack([frame] * 4), leave))
        return opened.receipt.watermark

    return attempt


@tries("The watermark does not survive this encoding", "use --quality {_SURE[codec]} or lower (0 is best)")
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_mark_lost_in_encoding(release, codec):
    with pytest.raises(OutputError) as lost:
        release("a.mp4", codec=codec, quality=51)
    assert release("a.mp4", codec=codec, quality=number(str(lost.value))) == "read back"


@tries(
    "The label cannot be read after this encoding",
    "or a photo with more texture",
    "write an .mp4 instead",
    "write a .png instead",
)
def test_a_mark_lost_whatever_the_encoding(release, home, consented, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("fomm.trust.watermark.Watermark.embedder", lambda *_, **__: lambda frame: frame)
        with pytest.raises(OutputError, match="--quality 9 or lower"):
            release("a.mp4", quality=18)
        with pytest.raises(OutputError, match=r"; use a photo with more texture\."):
            release("a.mp4", quality=0)
        with pytest.raises(OutputError, match=r"write an \.mp4 instead"):
            release("a.gif")
        leave = authorise(consented.read_bytes(), ledger=Ledger(home))
        with pytest.raises(OutputError, match=r"write a \.png instead"):
            release_still(tmp_path / "a.jpg", Rendered(np.full((720, 720, 3), 99, np.uint8), leave), leave)
    with monkeypatch.context() as patch:
        patch.setattr("fomm.trust.marks.label.Label.legibility", lambda *_: 0.0)
        with pytest.raises(OutputError, match=r"label cannot be read.*--quality 9 or lower"):
            release("a.mp4", quality=18)
    for quality in (9, 0):
        assert release("a.mp4", quality=quality) == "read back"
    texture = np.random.default_rng(1).integers(0, 255, (720, 720, 3), np.uint8)
    assert release_still(tmp_path / "a.png", Rendered(texture, leave), leave).watermark == "read back"


@tries("does not go into {container.muxer}; use --codec auto", "is missing from this ffmpeg; use --codec auto")
def test_codecs(animate, tmp_path, monkeypatch):
    code, said = animate(tmp_path / "a.mp4", "--codec", "gif")
    assert code == SettingsError.exit_code
    assert "--codec auto" in said
    assert animate(tmp_path / "a.mp4", "--codec", "auto")[0] == 0
    monkeypatch.setattr("fomm.media.codecs.available_encoders", lambda: {"libx264", "gif"})
    for name, codec in (("a.mp4", "av1"), ("a.mov", "h265")):
        container = container_for(Path(name))
        with pytest.raises(SettingsError, match="--codec auto"):
            encoder_options(codec, EncodeSettings(codec=codec), container)
        auto = EncodeSettings(codec="auto")
        assert encoder_options(choose_codec(auto, container), auto, container)


@tries("No CUDA device is available", "No Apple GPU is available", "float16 is slower than float32")
def test_devices_and_precision(animate, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for device in ("cuda", "mps"):
        assert "use --device cpu" in animate(tmp_path / "a.mp4", "--device", device)[1]
    said = animate(tmp_path / "a.mp4", "--device", "cpu", "--precision", "float16")[1]
    for precision in re.search(r"use --precision (\w+) or (\w+)", said).groups():
        options = ["--device", "cpu", "--precision", precision, "--force"]
        assert animate(tmp_path / "a.mp4", *options)[0] == 0


@tries("leave out --audio or --silent", "or leave out --audio.")
def test_sound(animate, tmp_path, make_audio, make_video):
    song, mute = make_audio(tmp_path / "song.wav"), make_video(tmp_path / "mute.mp4", frames=3, audio=False)
    assert "leave out" in animate(tmp_path / "a.mp4", "--audio", song, "--silent")[1]
    assert animate(tmp_path / "b.mp4", "--audio", song)[0] == 0
    assert animate(tmp_path / "c.mp4", "--silent")[0] == 0
    assert "leave out --audio" in animate(tmp_path / "d.mp4", "--audio", mute)[1]
    assert animate(tmp_path / "d.mp4")[0] == 0


@tries("choose another name or allow overwriting (--force)")
def test_destinations(animate, tmp_path):
    said = animate(tmp_path)[1]
    named = Path(re.search(r"such as (.*)\.$", said.strip()).group(1))
    assert animate(named)[0] == 0
    assert "(--force)" in animate(named)[1]
    assert animate(named, "--force")[0] == 0


@tries("is not a photo but output {output} of fomm")
def test_an_output_as_a_photo(run, consented, editing_checkpoint, tmp_path):
    made = tmp_path / "a still.png"
    edit = ["--yaw", "2", "--model", editing_checkpoint, "--crop-only"]
    assert run("edit", consented, "-o", made, *edit)[0] == 0
    code, said = run("edit", made, "-o", tmp_path / "b.png", *edit)
    assert code == 9
    assert suggested(said)[1] == str(made)
    assert "intact" in run(*suggested(said))[1]


@tries(
    "No face was found in the photo; {advice}",
    "No face was found in the driving clip; {advice}",
    "mark it yourself with --source-box x,y,width,height",
    "mark it with --driving-box x,y,width,height",
    "No human face was found inside {flag}; move it onto the face, or add --any-face for a drawing or an animal.",
)
def test_boxes(run, animate, home, tiny_checkpoint, make_photo, make_video, tmp_path, motion):
    hills = make_photo(tmp_path / "hills.png", size=(96, 80))
    Ledger(home).grant(hills.read_bytes(), TERMS)
    render = ["animate", hills, motion, "-o", tmp_path / "a.mp4", "--model", tiny_checkpoint, "--crop-only"]
    assert "--source-box x,y,width,height" in run(*render)[1]
    assert "--any-face" in run(*render, "--source-box", "8,8,64,64")[1]
    assert run(*render, "--source-box", "8,8,64,64", "--any-face")[0] == 0
    pattern = make_video(tmp_path / "pattern.mp4", frames=4)
    track = ["track", pattern, "-o", tmp_path / "a.safetensors", "--model", tiny_checkpoint]
    assert "--driving-box x,y,width,height" in run(*track)[1]
    assert "--any-face" in run(*track, "--driving-box", "0,0,48,48")[1]
    assert run(*track, "--driving-box", "0,0,48,48", "--any-face")[0] == 0
    assert "move it onto the face" in animate(tmp_path / "b.mp4", "--source-box", "0,200,90,90")[1]
    assert animate(tmp_path / "b.mp4", "--source-box", "60,40,150,150")[0] == 0


@tries("Another one is chosen by {flag} left, right, center or its number.")
def test_one_of_several_faces(consented, parses):
    portrait, finder = np.asarray(Image.open(consented)), FaceFinder()
    both = np.concatenate((portrait, portrait[:, ::-1]), axis=1)
    for look, name in (
        (portrait_window, "source_face"),
        (lambda photo, *how: steady_window([photo], *how), "driving_face"),
    ):
        with pytest.warns(FaceWarning) as notes:
            taken = look(both, finder, FaceSettings())
        said = str(notes[0].message)
        flag, words = re.search(r"chosen by (\S+) ([\w, ]+) or its number", said).groups()
        number = int(re.search(r"number (\d)", said).group(1))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            chosen = {way: look(both, finder, FaceSettings(**{name: way})) for way in (*words.split(", "), "1", "2")}
        assert chosen[str(number)] == taken
        assert chosen[str(3 - number)] != taken
        assert chosen["left"] == chosen["1"]
        assert chosen["right"] == chosen["2"]
        assert all(parses(["animate", "p.png", "d.mp4", "-o", "o.mp4", flag, way]) for way in chosen)


@tries("--max-side original keeps its size")
def test_a_photo_that_is_reduced(animate, run, home, motion, consented, tiny_checkpoint, tmp_path):
    reduced = ["--min-side", 0, "--max-side", 256]
    said = animate(tmp_path / "a.mp4", *reduced, small=False)[1]
    option = re.search(r"result will have \S+; (--max-side \w+) keeps its size", said).group(1)
    code, said = animate(tmp_path / "b.mp4", *reduced, *option.split(), small=False)
    assert code == 0
    assert "result will have" not in said


@tries("; --min-side 0 lets it be smaller")
def test_a_photo_that_is_kept_large(run, home, motion, portrait_photo, tiny_checkpoint, tmp_path):
    large = tmp_path / "large.png"
    with Image.open(portrait_photo) as image:
        image.resize((753, 900)).save(large)
    Ledger(home).grant(large.read_bytes(), TERMS, name=large.name)
    quick = ("--model", tiny_checkpoint, "--preset", "ultrafast", "--max-seconds", "0.1", "--max-side", 256)
    said = run("animate", large, motion, "-o", tmp_path / "a.mp4", *quick)[1]
    option = re.search(r"; (--min-side \d+) lets it be smaller", said).group(1).split()
    code, said = run("animate", large, motion, "-o", tmp_path / "b.mp4", *quick, *option)
    assert code == 0
    assert "result will have 214x256" in said


@tries("few players show a video as large as that; --max-side {_PLAYED} makes a smaller one")
def test_a_video_that_few_players_show(animate, monkeypatch, tmp_path):
    monkeypatch.setattr("fomm.tasks.doors._PLAYED", 280)
    said = animate(tmp_path / "a.mp4", "--max-side", "original", "--min-side", 0, small=False)[1]
    option = re.search(r"(--max-side \d+) makes a smaller one", said).group(1).split()
    code, said = animate(tmp_path / "b.mp4", *option, "--min-side", 0, small=False)
    assert code == 0
    assert "few players" not in said


@tries("{TRACK_SUFFIX}: a motion track is a safetensors file")
def test_tracks_and_models(run, talk, tiny_checkpoint, tmp_path):
    track = ["track", talk, "--model", tiny_checkpoint, "--max-seconds", "0.1", "-o"]
    ending = re.search(r"must end in (\.\w+)", run(*track, tmp_path / "a.json")[1]).group(1)
    assert run(*track, tmp_path / f"a{ending}")[0] == 0


@tries(
    "shorten label.text",
    "shorten label.text or lower label.scale",
    "lower label.scale",
    "set label.language to one with a shorter word",
)
@tries("set label.font to a font file that has it")
def test_labels(animate, tmp_path):
    settings = tmp_path / "settings.yaml"
    for way, advice in (
        (f"text: {'W' * 10}\n  scale: 2", "shorten label.text or lower label.scale."),
        (f"text: {'W' * 40}\n  scale: 1", "; shorten label.text."),
        ("scale: 3", "; lower label.scale."),  # no words of one's own
        ("text: W\n  scale: 3", "; lower label.scale."),  # they are not what is too wide
    ):
        settings.write_text(f"label:\n  {way}\n")
        assert advice in animate(tmp_path / "a.mp4", "--settings", settings)[1]
    settings.write_text("label:\n  text: \U0001f600\n")
    assert "set label.font to a font file" in animate(tmp_path / "a.mp4", "--settings", settings)[1]
    for way in ("text: W\n  scale: 2", f"text: {'W' * 10}\n  scale: 1", "scale: 1"):
        settings.write_text(f"label:\n  {way}\n")
        code, said = animate(tmp_path / "a.mp4", "--settings", settings, "--force")
        assert code == 0, said


def test_a_badge_that_is_too_long():
    with pytest.raises(SettingsError, match=r"set label\.language to one with a shorter word"):
        Label(LabelSettings(language="pl"), 32, 32)
    assert Label(LabelSettings(language="en"), 32, 32)


def test_the_path_in_a_command_is_quoted(run, home, consented, tmp_path, monkeypatch):
    (home / "ledger.key").chmod(0o644)
    assert shlex.split(run("consent", "list")[1].split("run: ")[1]) == ["chmod", "600", str(home / "ledger.key")]
