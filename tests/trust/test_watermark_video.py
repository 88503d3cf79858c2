import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from skimage import data

from fomm.trust.watermark import Watermark

PAYLOAD = b"\x10\x32\x54\x76\x98\xba\xdc\xfe"
SIDE = 512


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """A marked half-second clip in which the middle of a photo moves, as it is delivered."""
    photo = data.astronaut()
    mark = Watermark(b"k" * 32).embedder(PAYLOAD, SIDE, SIDE)
    frames = []
    for step in range(12):
        frame = photo.copy()
        frame[80:330, 130:330] = np.roll(photo, (step, step // 2), axis=(0, 1))[80:330, 130:330]
        frames.append(mark(frame).tobytes())
    path = tmp_path_factory.mktemp("clip") / "delivered.mp4"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}", "-r", "25", "-i", "-"]
    ffmpeg([*raw, "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", str(path)], b"".join(frames))
    return path


def ffmpeg(arguments, data=b""):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *arguments], input=data, check=True)


def frames_of(path):
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    for frame in reader:
        yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize(
    ("filters", "crf"),
    [("null", 28), ("crop=460:460:7:11", 23), ("scale=256:256,scale=512:512", 23), ("lutrgb=r=val*0.8:g=val*0.8", 23)],
    ids=["crf 28", "crop 10%", "half size and back", "darker and tinted"],
)
def test_mark_survives(delivered, tmp_path, filters, crf):
    attacked = tmp_path / "attacked.mp4"
    ffmpeg(["-i", str(delivered), "-vf", filters, "-c:v", "libx264", "-crf", str(crf), str(attacked)])
    assert Watermark(b"k" * 32).detect(frames_of(attacked)).payload == PAYLOAD
    assert not Watermark(b"x" * 32).detect(frames_of(attacked)).found
