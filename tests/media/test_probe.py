"""Headers are read exactly, and files that are no clips are refused with one sentence."""

from fractions import Fraction

import pytest

from fomm.errors import MediaError
from fomm.media.limits import MediaLimits
from fomm.media.probe import probe


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".ts"])
def test_ntsc_rate_is_exact_in_every_container(tmp_path, make_video, suffix):
    info = probe(make_video(tmp_path / f"clip{suffix}", frames=45, fps="30000/1001", audio=True))
    assert info.fps == Fraction(30000, 1001)
    assert (info.width, info.height, info.has_audio) == (64, 48, True)
    assert info.frame_count == pytest.approx(45, abs=2)
    assert float(info.duration) == pytest.approx(1.5015, abs=0.07)


def test_tags_that_are_no_text_do_not_make_a_clip_unreadable(tmp_path, make_video):
    clip = make_video(tmp_path / "clip.mp4", frames=5, extra=("-metadata", "title=XXXXXXXX"))
    content = clip.read_bytes()
    assert content.count(b"XXXXXXXX") == 1
    clip.write_bytes(content.replace(b"XXXXXXXX", b"\xff\xfe\x80\xe9\xe8\xc3\x28a"))
    assert probe(clip).width == 64


def test_a_gif_has_its_true_average_rate(tmp_path, make_video):
    info = probe(make_video(tmp_path / "clip.gif", frames=30, fps=30, audio=False))
    assert info.fps == 30
    assert not info.has_audio
    assert info.audio_codec is None


@pytest.mark.parametrize(("turn", "rotation", "size"), [(90, 270, (48, 64)), (-90, 90, (48, 64)), (180, 180, (64, 48))])
def test_rotation_is_reported_and_applied_to_the_size(tmp_path, make_video, ffmpeg_command, turn, rotation, size):
    flat = make_video(tmp_path / "flat.mp4", frames=5)
    ffmpeg_command("-display_rotation:v", str(turn), "-i", str(flat), "-c", "copy", str(tmp_path / "turned.mp4"))
    info = probe(tmp_path / "turned.mp4")
    assert (info.width, info.height) == size
    assert info.rotation == rotation


@pytest.mark.parametrize(("aspect", "size"), [("4/3", (85, 48)), ("1/2", (64, 96))])
def test_pixels_that_are_not_square_widen_the_size(tmp_path, make_video, aspect, size):
    info = probe(make_video(tmp_path / "wide.mp4", frames=5, extra=("-vf", f"setsar={aspect}")))
    assert (info.width, info.height) == size


def test_a_picture_that_starts_late_is_measured_from_its_first_frame(tmp_path, make_video, ffmpeg_command):
    clip = make_video(tmp_path / "clip.mp4", frames=25)
    ffmpeg_command(
        *("-i", str(clip), "-itsoffset", "0.4", "-i", str(clip)),
        *("-map", "1:v", "-map", "0:a", "-c", "copy", str(tmp_path / "late.mp4")),
    )
    info = probe(tmp_path / "late.mp4")
    assert float(info.offset) == pytest.approx(0.4, abs=0.03)
    assert float(info.duration) == pytest.approx(1.0, abs=0.05)


def test_names_that_look_like_options_or_patterns_are_just_names(tmp_path, make_video, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = make_video(tmp_path / "plain.mp4", frames=5)
    for name in ("-y.mp4", "http:x.mp4", "a%03d.mp4", "ünï 'q' [x];,.mp4"):
        (tmp_path / name).write_bytes(plain.read_bytes())
        assert probe(name).frame_count == 5


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.mp4", b"", "is empty"),
        ("notes.mp4", b"just some notes\n" * 40, "is a text file"),
        ("notes.txt", b"just some notes\n" * 40, "is a text file"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nsecret.ts\n", "is a playlist file"),
        ("list.mp4", b"ffconcat version 1.0\nfile secret.mp4\n", "is a playlist file"),
        ("noise.mp4", bytes(range(256)) * 20, "is not a video"),
        ("photo.mp4", b"\x89PNG\r\n\x1a\n" + bytes(64), "is a picture file"),
        ("huge.y4m", b"YUV4MPEG2 W40000 H100 F25:1 C420\nFRAME\n" + bytes(64), "claims 40000x100 px"),
        ("none.y4m", b"YUV4MPEG2 W64 H48 F25:1 C420\n", "frames"),
    ],
)
def test_files_that_are_no_clip_are_refused(tmp_path, name, data, words):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(MediaError) as caught:
        probe(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert words in message
    assert message.endswith(".")
    assert "\n" not in message


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        probe(tmp_path / "nobody.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        probe(tmp_path)


def test_sound_alone_is_no_video(tmp_path, make_audio):
    with pytest.raises(MediaError, match="no moving picture"):
        probe(make_audio(tmp_path / "song.mp3"))


def test_a_clip_without_its_index_is_damaged(tmp_path, make_video):
    whole = make_video(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError, match="damaged or incomplete"):
        probe(tmp_path / "cut.mp4")


def test_limits_on_size_and_length(tmp_path, make_video):
    clip = make_video(tmp_path / "clip.mp4", frames=50, audio=False)
    with pytest.raises(MediaError, match="claims 64x48"):
        probe(clip, MediaLimits(max_side=32))
    with pytest.raises(MediaError, match="2 s long"):
        probe(clip, MediaLimits(max_duration_s=1.0))
