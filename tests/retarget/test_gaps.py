"""Which frames are trusted, and what the photo does in those that are not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from fomm.config.motion import TransferSettings
from fomm.errors import MotionError
from fomm.geometry.keypoints import Keypoints
from fomm.retarget.gaps import following
from fomm.retarget.transfer import Transfer
from fomm.track.builder import TrackBuilder
from fomm.track.doubt import DARK, NO_FACE, OUTSIDE, SEEN, UNSURE, in_words, judge, settled
from fomm.track.smoothing import smooth
from fomm.track.track import MotionTrack

SQUARE = np.full((64, 64, 3), 120, np.uint8)
FACE = np.array(((-0.4, -0.4), (0.4, 0.4)), np.float32)
AROUND = (-1.5, -1.5, 1.5, 1.5)


def moving(count, seed=0, keypoints=5):
    value = torch.randn(count, keypoints, 2, generator=torch.Generator().manual_seed(seed)) * 0.2
    return Keypoints(value, torch.eye(2).expand(count, keypoints, 2, 2) * (1 + 0.1 * value[..., :1, None]))


def track(found, **more):
    flags = torch.tensor(found)
    keypoints = moving(len(found))
    return MotionTrack(keypoints.value, keypoints.jacobian, Fraction(25), 0, "d", flags, **more)


def test_each_kind_of_bad_frame_has_its_reason():
    assert judge(SQUARE, FACE, 0.005, True, AROUND) == SEEN
    assert judge(SQUARE // 10, FACE, 0.005, True, AROUND) == DARK
    assert judge(SQUARE, FACE, 0.005, False, AROUND) == NO_FACE
    assert judge(SQUARE, FACE, 0.5, True, AROUND) == UNSURE
    assert judge(SQUARE, FACE, 0.5, True, (-0.3, -1.5, 1.5, 1.5)) == OUTSIDE
    assert judge(SQUARE, FACE, 0.005, True, (-0.3, -1.5, 1.5, 1.5)) == SEEN  # a close-up, well seen
    assert judge(SQUARE, None, None, True, AROUND) == SEEN  # a model that looks only once


def test_frames_beside_a_gap_belong_to_it_up_to_a_cut():
    assert settled([SEEN] * 4 + [DARK] * 2 + [SEEN] * 4) == [SEEN] * 2 + [DARK] * 6 + [SEEN] * 2
    assert settled([SEEN] * 4 + [DARK] * 2 + [SEEN] * 4, [6]) == [SEEN] * 2 + [DARK] * 4 + [SEEN] * 4
    gone = settled([SEEN] * 3 + [OUTSIDE] + [NO_FACE] * 5 + [SEEN] * 3)
    assert in_words(gone) == (("outside", 10),)
    assert settled([]) == []


def test_the_photo_rests_in_a_long_gap_and_before_and_after_the_clip_shows_the_face():
    found = [False] * 15 + [True] * 10 + [False] * 5 + [True] * 5 + [False] * 40 + [True] * 5 + [False] * 15
    motion = track(found).bridged()
    source = moving(1, seed=9)
    transfer = Transfer(source, motion, TransferSettings(reference="20"))
    driving = transfer.driving()
    for index in (0, 3, 54, 94):
        assert torch.equal(driving.value[index], source.value[0])
        assert torch.equal(driving.jacobian[index], source.jacobian[0])
    plain = transfer.carry(motion.keypoints())
    followed = torch.tensor(found)
    followed[25:30] = True  # a short gap
    torch.testing.assert_close(driving.value[followed], plain.value[followed])
    # The way to rest is no jump: no step is longer than a third of the way.
    away = (driving.value - source.value).flatten(1).norm(dim=1)
    assert float(away[34:46].diff().abs().max()) < 0.34 * float(away[34])
    assert torch.equal(transfer.driving(30, 50).value, driving.value[30:50])


def test_all_frames_follow_where_all_show_the_face():
    assert following(torch.ones(5, dtype=torch.bool), Fraction(25)) is None
    assert following(torch.zeros(5, dtype=torch.bool), Fraction(25)).tolist() == [0.0] * 5


def test_gaps_are_bridged_from_trusted_frames_alone_and_counted():
    builder = TrackBuilder(Fraction(25), "d")
    keypoints = moving(12)
    builder.append(keypoints, [True] * 12, [DARK] * 3 + [SEEN] * 9)
    built = builder.build()
    assert built.found.tolist() == [False] * 5 + [True] * 7
    assert built.reference == 5
    assert torch.equal(built.value[:5], keypoints.value[5].expand(5, -1, -1))
    assert built.bridges == (("dark", 5),)
    assert "5 of 12 frames (5 dark)" in built.bridged_line
    doubtful = TrackBuilder(Fraction(25), "d")
    doubtful.append(keypoints, [True] * 12, [UNSURE] * 12)
    assert bool(doubtful.build().found.all())  # what the finder saw has to do


def test_each_shot_moves_from_a_reference_of_its_own():
    one, other = moving(10, 1), moving(10, 2)
    builder = TrackBuilder(Fraction(25), "d")
    builder.append(one)
    builder.cut()
    builder.append(Keypoints(other.value * 2 + 1, other.jacobian))
    motion = builder.build()
    assert motion.shots == (10,)
    source = moving(1, 3)
    transfer = Transfer(source, motion, TransferSettings(reference="first"))
    driving = transfer.driving()
    torch.testing.assert_close(driving.value[0], source.value[0])
    torch.testing.assert_close(driving.value[10], source.value[0])
    torch.testing.assert_close(transfer.driving(8, 13).value, driving.value[8:13])
    late = Transfer(source, motion, TransferSettings(reference="13"))
    assert late.reference == 13
    torch.testing.assert_close(late.driving(13, 14).value[0], source.value[0])
    with pytest.raises(MotionError, match="20 does not exist"):
        Transfer(source, motion, TransferSettings(reference="20"))
    calm = smooth(motion)
    for part, shot in zip(calm.by_shot(), motion.by_shot(), strict=True):
        assert torch.equal(part.value, smooth(shot).value)


def test_shots_and_reasons_survive_a_file_and_are_checked(tmp_path):
    motion = track([True] * 6 + [False] * 4 + [True] * 10, shots=(12,), bridges=(("no face", 3), ("dark", 1)))
    motion.save(tmp_path / "a.safetensors")
    again = MotionTrack.load(tmp_path / "a.safetensors")
    assert (again.shots, again.bridges) == (motion.shots, motion.bridges)
    assert motion.slice(4, 15).shots == (8,)
    assert MotionTrack.concat([motion, motion]).shots == (12, 32)
    for shots in ((0,), (20,), (5, 5), (9, 3)):
        with pytest.raises(MotionError, match="no shots"):
            replace(motion, shots=shots)
    unseen = TrackBuilder(Fraction(25), "d")
    unseen.append(moving(5))
    unseen.cut()
    unseen.append(moving(5), [False] * 5)
    assert unseen.build().shots == ()  # a shot without the face is a gap
