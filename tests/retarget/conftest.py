import pytest
from motion_tracks import make_track


@pytest.fixture
def track():
    return make_track()
