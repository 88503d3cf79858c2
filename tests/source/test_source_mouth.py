"""Teeth are seen where what is between the lips is whiter or brighter than these, in any light and at any tilt."""

import pytest
import torch
from mouths import ENAMEL, LIPS, face, photo_of

from fomm.geometry.mouth_shape import Opening, marks_of
from fomm.source.mouth import SourceMouth

DARK = (0.25, 0.12, 0.12)


@pytest.mark.parametrize("angle", [0.0, 0.8])
@pytest.mark.parametrize("light", [1.0, 0.4])
def test_teeth_are_told_from_lips_and_shadows(light, angle):
    mouth = face(upper=0.05, lower=0.1, angle=angle)
    seen = [float(SourceMouth.of(mouth, photo_of(mouth, inside) * light).teeth) for inside in (LIPS, DARK, ENAMEL)]
    assert seen == [0, 0, 1]


def test_each_of_several_sources_is_judged_by_itself():
    mouth = face(lower=0.2)
    pictures = torch.cat([photo_of(mouth, inside) for inside in (ENAMEL, DARK)])
    both = SourceMouth.of(type(mouth)(mouth.value.repeat(2, 1, 1)), pictures)
    assert both.teeth.tolist() == [1, 0]
    assert both.hides.tolist() == [0, 1]


def test_a_mouth_wide_open_hides_nothing_and_must_open_further_to_show_more():
    wide = face(lower=0.8)
    before = SourceMouth.of(wide, photo_of(wide, DARK))
    assert float(before.hides) == 0
    shut = SourceMouth.of(face(), photo_of(face()))
    assert float(shut.hides) == 1
    amid = []
    for lower in (0.0, 0.06, 0.3):
        here = Opening.of(marks_of(face(lower=lower)), 512)
        seen = shut.uncovered(here)[(here.along.abs() < 0.1).logical_and((here.below > 0) | (lower == 0))]
        amid.append(float(seen.median()))
    assert amid == [0.0, pytest.approx(0.5, abs=0.05), 1.0]
