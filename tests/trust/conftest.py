"""A private ledger folder, a photo with structure, and terms of consent."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trust_samples import Clock, encode, picture

from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, clock: Clock) -> Ledger:
    return Ledger(home, clock)


@pytest.fixture
def terms() -> ConsentTerms:
    return ConsentTerms(
        subject="Ada", make=("animate",), use=("web",), expires="2027-01-31", statement="Yes, until January 2027."
    )


@pytest.fixture
def photo() -> bytes:
    return encode(picture(1))


@pytest.fixture
def resave() -> Callable[[bytes], bytes]:
    """Return the photo as a JPEG of another size: other bytes, other pixels, the same picture."""

    def again(data: bytes) -> bytes:
        image = Image.open(io.BytesIO(data)).resize((120, 144))
        return encode(np.asarray(image), "JPEG", quality=80)

    return again
