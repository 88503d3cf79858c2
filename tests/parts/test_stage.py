"""Drawings lie over one another."""

import pytest
import torch

from fomm.parts.stage import over


def test_what_is_in_front_hides_what_is_behind():
    front = torch.tensor([1.0, 0.9, 0.9, 0.9]).view(1, 4, 1, 1)
    back = torch.tensor([0.5, 0.3, 0.1, 0.1]).view(1, 4, 1, 1)
    torch.testing.assert_close(over(front, back), front)
    torch.testing.assert_close(over(front * 0, back), back)
    half = front * torch.tensor([0.5, 1, 1, 1]).view(1, 4, 1, 1)
    cover, red, *_ = over(half, back).flatten().tolist()
    assert cover == pytest.approx(0.75)
    assert red * cover == pytest.approx(0.5 * 0.9 + 0.25 * 0.3)
    assert over(None, back) is back
    assert over(front, None) is front
    assert over(None, None) is None
