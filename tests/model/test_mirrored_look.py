from dataclasses import replace

import pytest
import torch

from fomm.config.training.compact import CompactSettings
from fomm.errors import SettingsError
from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import mirror_order
from fomm.model.compact import CompactModel

MOUTH, FREE = 14, 3  # the landmarks of the mouth are all there, and both shoulders with the chest


@pytest.fixture(scope="module")
def model():
    sizes = {"image_size": 64, "motion_side": 16, "max_width": 8, "levels": 2, "detector_width": 6, "motion_width": 4}
    torch.manual_seed(7)
    settings = CompactSettings(tied_keypoints=MOUTH, free_keypoints=FREE, mirrored_look=True, **sizes)
    return CompactModel(settings).eval()


def test_a_mirrored_picture_has_mirrored_keypoints(model):
    picture = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        here, there = model.detect(picture), model.detect(picture.flip(-1))
        once = CompactModel(replace(model.settings, mirrored_look=False)).eval()
        once.load_state_dict(model.state_dict())
        alone, turned = once.detect(picture), once.detect(picture.flip(-1))
    back = there.mirrored(mirror_order(MOUTH, FREE))
    torch.testing.assert_close(back.value, here.value)
    torch.testing.assert_close(back.jacobian, here.jacobian)
    # A single look of this untrained detector is far from that.
    assert (turned.mirrored(mirror_order(MOUTH, FREE)).value - alone.value).abs().max() > 1e-3


def test_mirroring_moves_a_point_and_its_frame_as_the_picture_does():
    """A local map `z -> p + J (z - q)` seen in a mirror is `M p + M J M (z - M q)`."""
    here = Keypoints(torch.tensor([[[0.3, -0.2]]]), torch.tensor([[[[1.0, 0.4], [-0.3, 2.0]]]]))
    mirrored = here.mirrored((0,))
    mirror = torch.diag(torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(mirrored.value[0, 0], mirror @ here.value[0, 0])
    torch.testing.assert_close(mirrored.jacobian[0, 0], mirror @ here.jacobian[0, 0] @ mirror)


def test_the_left_shoulder_becomes_the_right_one():
    order = mirror_order(40, 8)
    assert sorted(order) == list(range(48))
    assert order[40:44] == (41, 40, 42, 43)  # shoulders swap, chest and crown stay
    assert all(order[order[k]] == k for k in range(48))


def test_half_a_face_cannot_be_looked_at_in_a_mirror():
    with pytest.raises(SettingsError, match="mirrored_look"):
        CompactModel(CompactSettings(tied_keypoints=1, mirrored_look=True))
