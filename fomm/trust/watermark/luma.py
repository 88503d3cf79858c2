"""Brightness of a frame at reduced size, the one measurement that embedder and detector share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fomm.errors import TrustError

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, the matrix of 8-bit video
SMALLEST_SIDE = 32


def check_frame(frame: NDArray[np.uint8]) -> None:
    """Raise TrustError unless `frame` is a uint8 RGB picture `[H, W, 3]` of at least 32 pixels a side."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise TrustError(f"A frame must be uint8 [H, W, 3] RGB, not {frame.dtype} {list(frame.shape)}.")
    check_size(*frame.shape[:2])


def check_size(height: int, width: int) -> None:
    """Raise TrustError if a side is too short for the pattern to exist."""
    if min(height, width) < SMALLEST_SIDE:
        raise TrustError(f"A frame of {width}x{height} cannot be marked or read; use {SMALLEST_SIDE} pixels or more.")


def block_luma(frame: NDArray[np.uint8], block: int) -> NDArray[np.float32]:
    """Return the mean luma `[H // block, W // block]`, 0 to 255, of whole blocks of `block` by `block` pixels."""
    rows, columns = frame.shape[0] // block, frame.shape[1] // block
    whole = np.ascontiguousarray(frame[: rows * block, : columns * block])
    bands = whole.reshape(rows, block, columns * block * 3)
    sums = bands.sum(axis=1, dtype=np.uint16) if block > 1 else bands[:, 0]  # [rows, columns * block * 3]
    weights = np.tile(LUMA_WEIGHTS / np.float32(block**2), block)
    # Not a matrix product: for so little work, waking the library's threads costs more than they save.
    luma = np.einsum("rcw,w->rc", sums.reshape(rows, columns, block * 3).astype(np.float32), weights)  # [rows, columns]
    return np.asarray(luma, np.float32)
