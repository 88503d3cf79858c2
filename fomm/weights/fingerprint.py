"""The fingerprint of a keypoint detector: equal where keypoints mean the same."""

from __future__ import annotations

import hashlib

from fomm.model.interface import AnimationModel


def detector_fingerprint(model: AnimationModel) -> str:
    """Return a short digest of the keypoint detector's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.detector.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
