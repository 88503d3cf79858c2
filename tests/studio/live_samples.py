"""A camera for the live tests."""

from __future__ import annotations

import io
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import skimage.data
from PIL import Image

from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.weights.locations import demo_folder


def camera_jpeg(shift: int = 0, size: tuple[int, int] = (160, 160)) -> bytes:
    """Return a camera frame that shows a face, moved by some pixels."""
    photo = Image.fromarray(skimage.data.astronaut()[10:230, 115 + shift : 335 + shift]).resize(size)
    data = io.BytesIO()
    photo.save(data, "JPEG", quality=90)
    return data.getvalue()


def consented_photo(path: Path, ledger: Ledger, rows: slice = slice(0, 290), **terms: object) -> Path:
    """Write a photo whose person agreed to live use; of another face, so that revoking it touches no other test's."""
    whole = Image.open(demo_folder() / "portrait-2.jpg").convert("RGB").resize((290, 290))
    iio.imwrite(path, np.asarray(whole)[rows, 10:280])
    values = {"subject": "Ada", "make": ("animate", "live"), "expires": "2999-01-31", "statement": "Yes, live."}
    ledger.grant(path.read_bytes(), ConsentTerms(**{**values, **terms}), name=path.name, renew=True)
    return path


def decoded(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
