"""A photograph with one face, and pictures made from it."""

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from fomm.face.locate import FaceFinder

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="session")
def photo() -> Picture:
    """512 x 512; the face is about 90 px wide around x 223, y 117."""
    picture: Picture = skimage.data.astronaut()
    return picture


@pytest.fixture(scope="session")
def head(photo: Picture) -> Picture:
    """Head and shoulders only, 240 x 240, with the face around x 123, y 117."""
    return photo[:240, 100:340]


@pytest.fixture(scope="session")
def blank() -> Picture:
    return np.full((240, 240, 3), 128, np.uint8)
