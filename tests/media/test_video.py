"""Reading is exact in time and space, streams in constant memory, and never leaves a process behind."""

import threading
import warnings
from fractions import Fraction

import numpy as np
import pytest

from fomm.errors import MediaError, SettingsError
from fomm.media.limits import MediaLimits, MediaWarning
from fomm.media.process import Process
from fomm.media.video import probe, read_video, sample_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory, make_video):
    # Key frames every 20 frames, with B-frames: seeks have to land between them.
    extra = ("-g", "20", "-bf", "2", "-preset", "veryfast")
    return make_video(tmp_path_factory.mktemp("video") / "clip.mp4", frames=60, fps="30000/1001", extra=extra)


@pytest.fixture(scope="module")
def frames(clip):
    return list(read_video(clip))


def test_all_frames_arrive_with_their_size(frames):
    assert len(frames) == 60
    assert frames[0].shape == (48, 64, 3)
    assert frames[0].dtype == np.uint8
    assert not np.array_equal(frames[0], frames[30])


@pytest.mark.parametrize(("start", "stop"), [(0, 7), (13, 29), (20, 21), (59, 60), (41, None), (60, None), (5, 5)])
def test_a_part_equals_the_same_frames_of_the_whole(clip, frames, start, stop):
    part = list(read_video(clip, start=start, stop=stop))
    assert len(part) == len(frames[start:stop])
    assert all(np.array_equal(a, b) for a, b in zip(part, frames[start:stop], strict=True))


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".avi", ".gif", ".webm"])
def test_parts_are_exact_in_other_containers(tmp_path, make_video, suffix):
    path = make_video(tmp_path / f"clip{suffix}", frames=40, fps=25, audio=suffix not in (".gif",))
    whole, part = list(read_video(path)), list(read_video(path, start=17, stop=22))
    assert len(whole) == pytest.approx(40, abs=1)  # AVI's own clock skips a tick
    assert len(part) == 5
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[17:22], strict=True))


@pytest.mark.parametrize(("rate", "count"), [(Fraction(15), 30), (Fraction(25), 50), (Fraction(60000, 1001), 120)])
def test_another_rate_keeps_the_length_and_the_parts(clip, rate, count):
    whole = list(read_video(clip, fps=rate))
    assert len(whole) == pytest.approx(count, abs=1)
    part = list(read_video(clip, fps=rate, start=11, stop=20))
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[11:20], strict=True))


def test_variable_rate_becomes_constant(tmp_path, make_video):
    # Frames 10 to 29 are missing: the picture stands still there, then goes on in time.
    drop = ("-vf", "select='lt(n,10)+gte(n,30)'", "-fps_mode", "vfr")
    path = make_video(tmp_path / "vfr.mp4", frames=40, fps=30, audio=False, extra=drop)
    whole = list(read_video(path, fps=Fraction(30)))
    assert len(whole) == 60
    assert np.array_equal(whole[12], whole[25])
    assert not np.array_equal(whole[25], whole[31])
    part = list(read_video(path, fps=Fraction(30), start=15, stop=35))
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[15:35], strict=True))


def test_a_late_first_frame_is_frame_zero(tmp_path, clip, frames, ffmpeg_command):
    late = tmp_path / "late.mp4"
    ffmpeg_command(
        *("-i", str(clip), "-itsoffset", "0.4", "-i", str(clip)),
        *("-map", "1:v", "-map", "0:a", "-c", "copy", str(late)),
    )
    assert np.array_equal(next(read_video(late)), frames[0])
    assert np.array_equal(next(read_video(late, start=25)), frames[25])
    assert len(list(read_video(late))) == 60


def test_rotation_is_applied(tmp_path, clip, frames, ffmpeg_command):
    turned = tmp_path / "turned.mp4"
    ffmpeg_command("-display_rotation:v", "90", "-i", str(clip), "-c", "copy", str(turned))
    assert np.abs(next(read_video(turned)).astype(int) - np.rot90(frames[0])).mean() < 2


def test_pixels_are_made_square(tmp_path, make_video):
    path = make_video(tmp_path / "wide.mp4", frames=3, extra=("-vf", "setsar=2"))
    assert next(read_video(path)).shape == (48, 128, 3)


@pytest.mark.parametrize(
    "window", [(8, 4, 32, 40), (5, 3, 33, 21), (-9, -7, 50, 70), (40, 30, 64, 64), (-5, -5, 90, 90)]
)
def test_a_crop_equals_cutting_the_frame_and_repeats_its_edge(clip, frames, window):
    x, y, width, height = window
    rows, columns = np.clip(np.arange(y, y + height), 0, 47), np.clip(np.arange(x, x + width), 0, 63)
    cut = next(read_video(clip, crop=window, start=3)).astype(int)
    assert cut.shape == (height, width, 3)
    assert np.abs(cut - frames[3][rows][:, columns]).mean() < 0.5


def test_crop_and_scale_give_the_size_asked(clip):
    assert next(read_video(clip, crop=(-10, 5, 60, 60), size=(32, 24))).shape == (24, 32, 3)
    assert next(read_video(clip, size=(17, 31))).shape == (31, 17, 3)


def test_a_crop_outside_the_picture_is_refused(clip):
    with pytest.raises(MediaError, match="misses the 64x48 px picture"):
        read_video(clip, crop=(64, 0, 10, 10))


@pytest.mark.parametrize(
    "wrong", [{"fps": Fraction(0)}, {"size": (0, 4)}, {"crop": (0, 0, 0, 1)}, {"start": -1}, {"start": 5, "stop": 4}]
)
def test_requests_that_make_no_sense_are_refused_before_decoding(clip, wrong):
    with pytest.raises(SettingsError):
        read_video(clip, **wrong)


def test_closing_or_dropping_the_iterator_ends_ffmpeg(clip, monkeypatch):
    started = []
    run = Process.__init__

    def remember(self, *args, **kwargs):
        run(self, *args, **kwargs)
        started.append(self._popen)

    monkeypatch.setattr(Process, "__init__", remember)
    before = threading.active_count()
    frames = read_video(clip, size=(512, 512))
    next(frames)
    frames.close()
    dropped = read_video(clip, size=(512, 512))
    next(dropped)
    del dropped
    assert [popen.poll() is not None for popen in started] == [True, True]
    assert threading.active_count() == before


def test_decoding_runs_only_a_few_frames_ahead(tmp_path, make_video):
    path = make_video(tmp_path / "long.mp4", frames=300, size=(320, 240), audio=False)
    frames = read_video(path, size=(2048, 2048))
    kept = [next(frames) for _ in range(2)]
    reader = frames.gi_frame.f_locals["reader"]
    assert reader._queue.maxsize * kept[0].nbytes <= 64 * 2**20
    frames.close()


def test_a_clip_cut_short_gives_its_frames_and_one_warning(tmp_path, clip, ffmpeg_command):
    fast = tmp_path / "fast.mp4"
    ffmpeg_command("-i", str(clip), "-c", "copy", "-movflags", "+faststart", str(fast))
    whole = fast.read_bytes()
    fast.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.warns(MediaWarning, match=r"fast\.mp4 is damaged .* only its first") as caught:
        frames = list(read_video(fast))
    assert 5 < len(frames) < 50
    assert len(caught) == 1


def test_a_sound_clip_reads_without_a_warning(clip):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum(1 for _ in read_video(clip)) == 60


def test_a_clip_longer_than_its_header_says_is_stopped(tmp_path, make_video):
    # A raw stream has no header length at all, so only reading can tell.
    raw = make_video(tmp_path / "raw.h264", frames=60, audio=False, extra=("-c:v", "libx264"))
    assert probe(raw).duration is None
    with pytest.raises(MediaError, match="above the limit of 1 s"):
        list(read_video(raw, limits=MediaLimits(max_duration_s=1.0)))


def test_samples_are_spread_and_exact(clip, frames):
    samples = sample_frames(clip, 4)
    assert [index for index, _ in samples] == [7, 22, 37, 52]
    assert all(np.array_equal(frame, frames[index]) for index, frame in samples)


def test_samples_of_a_short_clip_and_of_one_without_length(tmp_path, make_video):
    assert len(sample_frames(make_video(tmp_path / "short.mp4", frames=3), 10)) == 3
    raw = make_video(tmp_path / "raw.h264", frames=60, audio=False, extra=("-c:v", "libx264"))
    indices = [index for index, _ in sample_frames(raw, 5)]
    assert len(indices) == 5
    assert indices[-1] > 30


def test_colours_of_untagged_hd_follow_bt709(tmp_path, ffmpeg_command):
    path = tmp_path / "hd.mp4"
    # Pure green in BT.709 video range: Y 173, Cb 42, Cr 26; read as BT.601 it would be another green.
    graph = "color=black:s=1280x720:r=5:d=0.4,format=yuv420p,geq=lum=173:cb=42:cr=26"
    ffmpeg_command("-f", "lavfi", "-i", graph, "-c:v", "libx264", "-preset", "ultrafast", "-qp", "1", str(path))
    assert np.abs(next(read_video(path))[360, 640].astype(int) - (0, 255, 0)).max() <= 3
