"""A written file is complete, truly coloured, in sync and described, or it is not there at all."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fomm.config.encode import EncodeSettings
from fomm.errors import MediaError, OutputError, SettingsError
from fomm.media.audio import probe_audio
from fomm.media.video import probe, read_video
from fomm.media.writer import VideoWriter

FAST = EncodeSettings(preset="ultrafast")
RATE = Fraction(30000, 1001)
PATCHES = np.array([[200, 30, 40], [30, 180, 60], [40, 50, 210], [128, 128, 128], [250, 250, 250], [220, 190, 160]])


def patches(height=48):
    """Columns of flat colour, 16 px wide: `[height, 96, 3]`."""
    return np.ascontiguousarray(np.broadcast_to(PATCHES.repeat(16, axis=0), (height, 96, 3)).astype(np.uint8))


def write(path, *, count=30, frame=None, fps=RATE, settings=FAST, **options):
    frame = patches() if frame is None else frame
    with VideoWriter(path, (frame.shape[1], frame.shape[0]), fps, settings, **options) as writer:
        for _ in range(count):
            writer.write(frame)
    return path


def noise(number, side=128):
    return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "codec", "found"),
    [
        ("a.mp4", "auto", "h264"),
        ("a.mov", "h265", "hevc"),
        ("a.mkv", "h264", "h264"),
        ("a.webm", "auto", "vp9"),
        ("a.mp4", "av1", "av1"),
    ],
)
def test_codecs_keep_count_rate_and_colour(tmp_path, name, codec, found):
    path = write(tmp_path / name, settings=EncodeSettings(codec=codec, preset="ultrafast"))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert stream.codec_context.codec.canonical_name == found
        assert frame.format.name == "yuv420p"
        assert (int(frame.colorspace), int(stream.codec_context.color_primaries)) == (1, 1)  # BT.709
    info = probe(path)
    frames = list(read_video(path))
    assert info.fps == RATE
    assert len(frames) == 30
    assert np.abs(frames[15][24, 8::16].astype(int) - PATCHES).max() <= 6


def test_gif_plays_at_the_right_speed(tmp_path):
    path = write(tmp_path / "a.gif", metadata={"title": "ignored"})
    info = probe(path)
    assert float(info.duration) == pytest.approx(1.0, abs=0.05)
    assert np.abs(next(read_video(path))[24, 8::16].astype(int) - PATCHES).max() <= 6


def test_h264_has_its_index_first(tmp_path):
    data = write(tmp_path / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_quality_changes_the_size(tmp_path):
    sizes = []
    for quality in (10, 40):
        path = tmp_path / f"{quality}.mp4"
        with VideoWriter(path, (128, 128), RATE, EncodeSettings(quality=quality, preset="ultrafast")) as writer:
            for number in range(5):
                writer.write(noise(number))
        sizes.append(path.stat().st_size)
    assert sizes[0] > 2 * sizes[1]


def test_odd_sizes_gain_a_repeated_column_and_row(tmp_path):
    frame = patches(47)[:, :95]
    back = next(read_video(write(tmp_path / "odd.mp4", frame=frame)))
    assert back.shape == (48, 96, 3)
    assert np.abs(back[:47, 8:95:16].astype(int) - frame[:, 8::16]).max() <= 6
    assert np.abs(back[47, 95].astype(int) - frame[46, 94]).max() <= 8


def test_metadata_is_stored_and_foreign_metadata_is_not(tmp_path, make_video):
    driving = make_video(tmp_path / "driving.mp4", extra=("-metadata", "artist=somebody", "-metadata", "title=theirs"))
    texts = {"title": 'It\'s "ours"; = ü', "AIGC": '{"Label": "1"}'}
    with av.open(str(write(tmp_path / "out.mp4", audio=driving, metadata=texts))) as container:
        assert container.metadata["title"] == texts["title"]
        assert container.metadata["AIGC"] == texts["AIGC"]
        assert "somebody" not in container.metadata.values()


def sound_of(path):
    """First sound stream: codec, first and last instant in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        ends = [(packet.pts + (packet.duration or 0)) * packet.time_base for packet in packets]
        return stream.codec_context.codec.canonical_name, float(packets[0].pts * packets[0].time_base), float(max(ends))


@pytest.mark.parametrize(
    ("source", "output", "codec"),
    [
        ("long.mp4", "o.mp4", "aac"),
        ("long.mp4", "o.webm", "opus"),
        ("long.webm", "o.webm", "opus"),
        ("long.webm", "o.mp4", "aac"),
        ("long.webm", "o.mkv", "opus"),
        ("song.mp3", "o.mp4", "mp3"),
        ("song.wav", "o.mov", "pcm_s16le"),
        ("song.wav", "o.mp4", "aac"),
    ],
)
def test_sound_is_copied_where_it_fits_and_never_longer(tmp_path, make_video, make_audio, source, output, codec):
    path = tmp_path / source
    if path.stem == "long":
        make_video(path, frames=90, fps=30)
    else:
        make_audio(path, seconds=3)
    out = write(tmp_path / output, count=36, audio=path)
    found, begin, end = sound_of(out)
    assert found == codec
    assert abs(begin) < 0.035
    assert 36 / RATE - Fraction(1, 20) < end < 36 / RATE + Fraction(1, 500)
    assert len(list(read_video(out))) == 36


def test_short_sound_does_not_shorten_the_picture(tmp_path, make_audio):
    out = write(tmp_path / "o.mp4", count=45, audio=make_audio(tmp_path / "short.wav", seconds=0.4))
    assert len(list(read_video(out))) == 45


def test_a_silent_clip_and_a_gif_stay_silent(tmp_path, make_video, make_audio):
    silent = make_video(tmp_path / "silent.mp4", audio=False)
    assert not probe(write(tmp_path / "o.mp4", audio=silent)).has_audio
    assert not probe(write(tmp_path / "o.gif", audio=make_audio(tmp_path / "a.wav"))).has_audio


@pytest.fixture(scope="module")
def beep_and_flash(tmp_path_factory, ffmpeg_command):
    """A clip that flashes white and beeps together from 1.0 s to 1.1 s."""
    path = tmp_path_factory.mktemp("sync") / "base.mp4"
    picture = "color=black:s=32x32:r=30:d=2,geq=lum='if(between(T,0.99,1.09),235,16)':cb=128:cr=128"
    sound = "aevalsrc='if(between(t,1,1.1),sin(2*PI*1000*t),0)':s=48000:d=2"
    ffmpeg_command("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-pix_fmt", "yuv420p", str(path))
    return path


def flash_and_beep_times(path):
    """When the flash and the beep begin, in seconds after the first picture."""
    with av.open(str(path)) as container:
        pictures = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        sounds = [
            (frame.time + i / frame.sample_rate)
            for frame in container.decode(audio=0)
            for i in np.flatnonzero(np.abs(frame.to_ndarray()[0].astype(float)) > 0.1)[:1]
        ]
    first = pictures[0][0]
    return next(time for time, mean in pictures if mean > 120) - first, sounds[0] - first


@pytest.mark.parametrize("late", ["none", "sound", "picture"])
@pytest.mark.parametrize(("suffix", "output"), [(".mp4", "o.mp4"), (".mkv", "o.webm"), (".ts", "o.mkv")])
def test_sound_stays_in_sync_whatever_the_offsets(tmp_path, ffmpeg_command, beep_and_flash, late, suffix, output):
    clip = tmp_path / f"clip{suffix}"
    later, maps = "0.4", {"none": ("0:v", "0:a"), "sound": ("0:v", "1:a"), "picture": ("1:v", "0:a")}[late]
    ffmpeg_command(
        *("-i", str(beep_and_flash), "-itsoffset", later, "-i", str(beep_and_flash)),
        *("-map", maps[0], "-map", maps[1], "-c", "copy", str(clip)),
    )
    gap = {"none": 0.0, "sound": 0.4, "picture": -0.4}[late]
    start = 6
    with VideoWriter(
        tmp_path / output, (32, 32), Fraction(30), FAST, audio=clip, audio_start=Fraction(start, 30)
    ) as out:
        for frame in read_video(clip, fps=Fraction(30), start=start):
            out.write(frame)
    flash, beep = flash_and_beep_times(tmp_path / output)
    assert flash == pytest.approx(1.0 - start / 30, abs=0.005)
    assert beep - flash == pytest.approx(gap, abs=1 / 30)


def test_no_drift_over_an_hour(tmp_path, ffmpeg_command):
    rate = Fraction(1001, 3000)  # few frames, but as awkward a fraction as 30000/1001
    frame = np.zeros((16, 16, 3), np.uint8)
    sound = tmp_path / "hour.m4a"
    ffmpeg_command("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=3700", "-c:a", "aac", str(sound))
    out = write(tmp_path / "hour.mkv", count=1200, frame=frame, fps=rate, audio=sound)
    with av.open(str(out)) as container:
        last = max(packet.pts * packet.time_base for packet in container.demux(video=0) if packet.pts is not None)
    assert abs(last - 1199 / rate) < Fraction(1, 500)
    assert float(1200 / rate) - 0.15 < sound_of(out)[2] <= float(1200 / rate)  # whole packets of 0.128 s


def test_an_exception_leaves_nothing(tmp_path, make_video):
    def interrupted():
        with VideoWriter(tmp_path / "o.mp4", (96, 48), RATE, FAST, audio=make_video(tmp_path / "d.mp4")) as writer:
            writer.write(patches())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["d.mp4"]


def test_a_writer_without_frames_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="no frames"), VideoWriter(tmp_path / "o.mp4", (8, 8), RATE):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_dropped_writer_ends_its_process(tmp_path):
    writer = VideoWriter(tmp_path / "o.mp4", (96, 48), RATE)
    popen = writer._process._popen
    del writer
    assert popen.poll() is not None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path):
    path = tmp_path / "full.mkv"
    path.symlink_to("/dev/full")

    def fill():
        with VideoWriter(path, (128, 128), RATE, EncodeSettings(quality=0, preset="ultrafast")) as writer:
            for number in range(20):
                writer.write(noise(number))

    with pytest.raises(OutputError, match=r"disk is full, so .*full\.mkv"):
        fill()
    assert Path("/dev/full").exists()


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("missing/o.mp4", OutputError, "does not exist"),
        ("o.txt", OutputError, "end its name in one of"),
        ("folder.mp4", OutputError, "is a folder"),
    ],
)
def test_places_that_cannot_be_written_are_refused_at_once(tmp_path, name, error, words):
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(error, match=words):
        VideoWriter(tmp_path / name, (8, 8), RATE)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="not writable"):
        VideoWriter(tmp_path / "o.mp4", (8, 8), RATE)


def test_requests_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="h264 does not go into webm"):
        VideoWriter(tmp_path / "o.webm", (8, 8), RATE, EncodeSettings(codec="h264"))
    with pytest.raises(SettingsError, match="frame rate"):
        VideoWriter(tmp_path / "o.mp4", (8, 8), Fraction(0))
    with pytest.raises(SettingsError, match="metadata key"):
        VideoWriter(tmp_path / "o.mp4", (8, 8), RATE, metadata={"a=b": "c"})
    with pytest.raises(ValueError, match=r"\[8, 8, 3\]"), VideoWriter(tmp_path / "o.mp4", (8, 8), RATE) as writer:
        writer.write(np.zeros((4, 8, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_sound_that_is_none_is_refused(tmp_path, make_photo):
    with pytest.raises(MediaError, match="does not exist"):
        VideoWriter(tmp_path / "o.mp4", (8, 8), RATE, audio=tmp_path / "nobody.wav")
    with pytest.raises(MediaError, match="is a picture file"):
        probe_audio(make_photo(tmp_path / "a.png"))


def test_a_temporary_name_can_be_given_a_container(tmp_path):
    path = write(tmp_path / ".o.mp4.part", suffix=".mp4", frame=patches())
    assert path.read_bytes()[4:8] == b"ftyp"


def test_strange_names_are_written_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-y %03d.mp4", "tcp:x.mp4"):
        write(Path(name), count=3)
        assert (tmp_path / name).is_file()
