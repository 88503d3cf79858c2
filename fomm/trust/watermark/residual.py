r"""The detector's first half: what is left of a clip when the picture is taken out and the frames are averaged.

For each frame, luma Y is reduced to about 256 samples on the short side, its local mean is removed, and the rest is
weighted by a power of its local strength s (root of the local mean square), with outliers clipped:

    r = clip(d / s, -2, 2) s^-3/4,   d = Y - box(Y),   s^2 = box(d^2) + 0.7.

In Gaussian picture noise of deviation s, the best weight of d for a mark of amplitude s^q is s^(q - 2), and the mark's
amplitude grows slowly (q about 1/4), hence d s^-7/4. The constant keeps the flattest areas, where compression wipes the
mark first, from outweighing all others. The mark is the same in all frames and adds up in the mean of r; a moving
picture averages out.

The frames that open a clip are also averaged by themselves. Every file starts with a key frame, in which the codec
sends the mark afresh; where the picture hardly moves, the frames predicted from it repeat its noise and lose some of
its mark, so after strong compression the opening alone can be the better reading.

None of this depends on a key, so a file is decoded and reduced once for any number of keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from fomm.errors import TrustError
from fomm.trust.watermark.carriers import TILES_PER_SHORT_SIDE
from fomm.trust.watermark.luma import block_luma, check_frame

SHORT_SIDE = 256
WINDOW = 5  # width of both boxes at a short side of 256
FLOOR = 0.7  # added to the mean square, in grey levels squared
CLIP = 2.0
OPENING = 4  # frames


@dataclass(frozen=True)
class Residual:
    """The averaged residual of a clip.

    Attributes:
        values: Mean residual `[h, w]` of all frames.
        opening: Mean residual `[h, w]` of the first four frames, or of all if there are fewer.
        tile: Samples one tile covers where the frame was neither cropped nor padded.
        frames: How many frames were averaged.
    """

    values: NDArray[np.float32]
    opening: NDArray[np.float32]
    tile: float
    frames: int


def accumulate(frames: Iterable[NDArray[np.uint8]], limit: int | None = None) -> Residual:
    """Average the residuals of uint8 RGB frames `[H, W, 3]`, all of one size, one at a time.

    Args:
        frames: The clip, or one picture in a list.
        limit: Stop after this many frames; None reads all.

    Raises:
        TrustError: there is no frame, or a frame is not uint8 RGB, too small or of another size than the first.
    """
    total: NDArray[np.float32] | None = None
    size: tuple[int, ...] = ()
    count = 0
    for frame in islice(frames, limit):
        if total is None:
            check_frame(frame)
            size = frame.shape
            total = _residual(frame)
        elif frame.dtype != np.uint8 or frame.shape != size:
            raise TrustError(f"Frame {count} is {frame.dtype} {list(frame.shape)}, the first was {list(size)}.")
        else:
            total += _residual(frame)
        count += 1
        if count <= OPENING:
            opening = total / np.float32(count)
    if total is None:
        raise TrustError("There is no frame to look for a watermark in.")
    tile = min(size[:2]) / _block(size) / TILES_PER_SHORT_SIDE
    return Residual(total / np.float32(count), opening, tile, count)


def _residual(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    luma = block_luma(frame, _block(frame.shape))  # [h, w]
    window = max(3, 2 * round(WINDOW * min(luma.shape) / SHORT_SIDE / 2 - 0.5) + 1)  # odd, so centred
    detail = luma - uniform_filter(luma, window)
    strength = np.sqrt(uniform_filter(detail * detail, window) + np.float32(FLOOR))
    detail /= strength
    np.clip(detail, -CLIP, CLIP, out=detail)
    detail *= strength ** np.float32(-0.75)
    return np.asarray(detail, np.float32)


def _block(size: tuple[int, ...]) -> int:
    return max(1, round(min(size[:2]) / SHORT_SIDE))
