"""Jitter removal that leaves blinks and lips alone.

A whole track is known before it is rendered, so it is smoothed without lag: a Savitzky-Golay filter (least-squares
parabola over about a third of a second) says where each keypoint would be without noise, and is used only where the
keypoint strays from it no further than noise does. Faster movement (a blink is three frames) passes untouched. The
noise of each keypoint is measured on the track itself, so there is no threshold to tune per model. Noise is every
keypoint's own, while a camera that shakes or a head that is shaken takes them all along, so it is measured on what one
affine map of the picture leaves.

`OneEuro` (Casiez, Roussel and Vogel, CHI 2012) is the causal filter for live use, where the future is not known; it
trades lag against jitter, which is why it is not used on whole tracks.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy  # whose submodule `signal` loads on first use: half a second that a start need not wait for
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from torch import Tensor

from fomm.config.motion import SmoothSettings
from fomm.geometry.keypoints import Keypoints
from fomm.track.track import MotionTrack

Floats = NDArray[np.float64]
ORDER = 2
_FEWEST = 6  # keypoints, from where what they have in common tells from what is their own
SHORTEST = 7
"""Tracks of fewer frames are left as they are: noise cannot be told from motion."""


def smooth(track: MotionTrack, settings: SmoothSettings | None = None) -> MotionTrack:
    """Return the track without jitter, as long and in step with the original."""
    settings = settings or SmoothSettings()
    if track.shots and settings.enabled:
        whole = MotionTrack.concat([smooth(shot, settings) for shot in track.by_shot()])
        return replace(track, value=whole.value, jacobian=whole.jacobian)
    if not settings.enabled or len(track) < SHORTEST:
        return track
    frames = min(_odd(settings.window * float(track.fps)), _odd(len(track) - 1))
    places = track.value.double().mean(0).numpy()  # [K, 2]
    value = _smooth_groups(track.value, places, frames, settings.noise_gate)
    jacobian = track.jacobian
    if jacobian is not None:
        jacobian = _smooth_groups(jacobian.flatten(2), places, frames, settings.noise_gate).view_as(jacobian)
    return replace(track, value=value, jacobian=jacobian)


def _smooth_groups(signal: Tensor, places: Floats, frames: int, gate: float) -> Tensor:
    """Smooth `[T, K, D]`, of keypoints that lie at places `[K, 2]`; the D numbers of a keypoint share one decision.

    Keypoints are taken one by one: all at once, a long clip's float64 copies would outweigh the rest of a render.
    """
    raw = signal.numpy()
    count = raw.shape[1]
    basis, together = _taken_along(raw, places)
    own = (raw[:, k] - np.einsum("p,tpd->td", basis[k], together) for k in range(count))  # [T, D] each
    noise = np.array([_noise_energy(part) for part in own]) / (1 - basis.shape[1] / count)
    # Lips that never rest look noisy, so no keypoint counts as much noisier than the middle one.
    noise = np.minimum(noise, 1.5 * np.median(noise))
    smoothed = np.empty_like(raw)
    for k in range(count):
        smoothed[:, k] = _smooth_one(raw[:, k].astype(np.float64), float(noise[k]), frames, gate)
    return torch.from_numpy(smoothed)


def _taken_along(raw: NDArray[np.float32], places: Floats) -> tuple[Floats, Floats]:
    """Return what moves all keypoints `[T, K, D]` together, as a basis `[K, P]` and parts of it `[T, P, D]`.

    Too few keypoints are all moved together in any way whatever; of them `P` is 0.
    """
    basis = np.concatenate((places, np.ones((len(places), 1))), axis=1)  # [K, 3], affine maps of the picture
    basis = basis[:, : 3 if len(places) >= _FEWEST else 0]
    return basis, np.einsum("pk,tkd->tpd", np.linalg.pinv(basis), raw)


def _smooth_one(raw: Floats, noise: float, frames: int, gate: float) -> Floats:
    """Smooth one keypoint's numbers `[T, D]`, given their noise variance."""
    calm = scipy.signal.savgol_filter(raw, frames, ORDER, axis=0, mode="interp")
    residual = raw - calm
    strayed = (residual**2).sum(axis=-1, keepdims=True)  # [T, 1]
    # A parabola fitted to noise follows some of it: this share is left in the residual.
    left_over = 1.0 - scipy.signal.savgol_coeffs(frames, ORDER)[frames // 2]
    expected = max(left_over * noise, np.finfo(np.float64).tiny)
    # The frames around a fast movement belong to it, so its flanks are not bent.
    energy = maximum_filter1d(uniform_filter1d(strayed, 3, axis=0, mode="nearest"), 3, axis=0, mode="nearest")
    keep = np.clip((energy / expected - gate) / gate, 0.0, 1.0)  # [T, 1]
    smoothed: Floats = calm + keep * residual
    return smoothed


def _noise_energy(raw: Floats) -> float:
    """Estimate the noise variance of one keypoint, summed over its D numbers `[T, D]`.

    Fourth differences hide any smooth motion (a cubic has none) and the median hides rare fast ones.
    """
    fourth = np.diff(raw, 4, axis=0)
    energy = (fourth**2).sum(axis=-1) / math.comb(8, 4)  # white noise: sum of squared binomials
    median_over_mean = (1.0 - 2.0 / (9.0 * raw.shape[-1])) ** 3  # of a chi-squared distribution (Wilson-Hilferty)
    return float(np.median(energy) / median_over_mean)


def _odd(frames: float) -> int:
    """Return the nearest odd number, at least 5."""
    return max(5, 2 * int(frames // 2) + 1)


class OneEuro:
    """Causal smoothing of live keypoints: a low-pass filter whose cutoff rises with the keypoint's speed.

    Args:
        fps: frames per second of what is fed in, where the calls do not say.
        min_cutoff: cutoff in Hz at rest; lower is calmer and lags more.
        beta: how fast the cutoff rises, in Hz per unit of speed (window half-widths per second).
        speed_cutoff: cutoff in Hz of the speed itself.
    """

    def __init__(self, fps: float, min_cutoff: float = 1.5, beta: float = 20.0, speed_cutoff: float = 4.0) -> None:
        self._fps = fps
        self._min_cutoff, self._beta, self._speed_cutoff = min_cutoff, beta, speed_cutoff
        self._raw: Tensor | None = None
        self._speed: Tensor | None = None
        self._smooth: Keypoints | None = None

    def __call__(self, keypoints: Keypoints, elapsed: float | None = None) -> Keypoints:
        """Feed the next frame, `[1, K, 2]`; the Jacobian follows the keypoint's cutoff.

        Args:
            keypoints: of the frame.
            elapsed: seconds since the frame before, above 0; `1 / fps` when None.
        """
        fps = self._fps if elapsed is None else 1.0 / elapsed
        if self._raw is None or self._speed is None or self._smooth is None:
            self._raw, self._speed = keypoints.value, torch.zeros_like(keypoints.value)
            self._smooth = keypoints
            return keypoints
        rate = (keypoints.value - self._raw) * fps
        self._speed = self._speed + _weight(torch.tensor(self._speed_cutoff), fps) * (rate - self._speed)
        self._raw = keypoints.value
        speed = self._speed.norm(dim=-1, keepdim=True)  # [1, K, 1]
        weight = _weight(self._min_cutoff + self._beta * speed, fps)
        value = torch.lerp(self._smooth.value, keypoints.value, weight)
        jacobian = keypoints.jacobian
        if jacobian is not None and self._smooth.jacobian is not None:
            jacobian = torch.lerp(self._smooth.jacobian, jacobian, weight[..., None])
        self._smooth = Keypoints(value, jacobian)
        return self._smooth


def _weight(cutoff: Tensor, fps: float) -> Tensor:
    """Return the share of the new sample for a cutoff in Hz."""
    return 1.0 / (1.0 + fps / (2.0 * math.pi * cutoff))
