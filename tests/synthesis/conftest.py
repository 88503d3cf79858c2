"""Toy portraits, and a fixture for tests that draw."""

import pytest
from toy_portraits import make_toys

from fomm.errors import SettingsError
from fomm.synthesis.opengl import open_context


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    return make_toys(tmp_path_factory.mktemp("toys"))


@pytest.fixture(scope="session")
def opengl():
    """Skip where nothing can be drawn: moderngl, EGL or a driver is missing."""
    pytest.importorskip("moderngl")
    try:
        open_context().release()
    except SettingsError as error:
        pytest.skip(str(error))
