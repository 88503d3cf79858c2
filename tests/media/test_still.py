import numpy as np
import pytest
from PIL import Image

from fomm.errors import MediaError
from fomm.media.photo.still import is_still_picture


def frames(count):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)) for _ in range(count)]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tif"])
def test_one_picture_is_a_still_whatever_its_name(tmp_path, suffix):
    frames(1)[0].save(tmp_path / f"one{suffix}")
    renamed = (tmp_path / f"one{suffix}").rename(tmp_path / "clip.mp4")
    assert is_still_picture(renamed)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif"])
def test_a_picture_that_moves_is_not(tmp_path, suffix):
    first, *rest = frames(3)
    first.save(tmp_path / f"many{suffix}", save_all=True, append_images=rest, duration=40)
    assert not is_still_picture(tmp_path / f"many{suffix}")


def test_a_clip_a_track_and_a_text_are_not(tmp_path, make_video):
    assert not is_still_picture(make_video(tmp_path / "clip.jpg.mp4", frames=1))
    (tmp_path / "words.png").write_text("no picture")
    assert not is_still_picture(tmp_path / "words.png")
    with pytest.raises(MediaError, match=r"gone\.png does not exist"):
        is_still_picture(tmp_path / "gone.png")


def test_a_damaged_picture_counts_as_one(tmp_path):
    frames(1)[0].save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:40])
    assert is_still_picture(tmp_path / "cut.png")
