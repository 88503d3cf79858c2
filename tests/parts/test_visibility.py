"""What the source shows of a driving picture, by the motion alone and where the person is known."""

import torch

from fomm.geometry.keypoints import Keypoints
from fomm.geometry.landmarks import TIED_LANDMARKS
from fomm.parts.visibility import Person, face_area, shown_in_layers, shown_in_source

SIDE = 16


def _slide(side, columns, cells):
    """Return a backward displacement: content of these driving columns comes from `cells` cells to the right."""
    displacement = torch.zeros(1, 2, side, side)
    displacement[:, 0, :, columns] = 2 * cells / side
    return displacement


def test_what_a_head_leaves_behind_is_not_in_the_source():
    # A head that was in columns 14 to 21 is now in 8 to 15: it leaves 16 to 21, where the source shows only the head.
    shown = shown_in_source(_slide(32, slice(8, 16), 6), margin=0.06)[0, 0]
    assert shown[:, 16:22].max() < 0.05
    assert shown[:, 8:16].min() > 0.95
    assert shown[:, :7].min() > 0.95
    assert shown[:, 23:].min() > 0.95


def test_nothing_is_hidden_while_everything_moves_together():
    assert shown_in_source(_slide(32, slice(0, 32), 4), margin=0.06).min() > 0.95
    grid = torch.linspace(-1, 1, 32).view(1, 1, 1, 32).expand(1, 2, 32, 32)
    assert shown_in_source(0.1 * grid, margin=0.06).min() > 0.95  # a zoom


def test_a_rim_hides_what_is_beside_what_a_head_took_along():
    displacement = torch.zeros(1, 2, SIDE, SIDE)
    displacement[:, 0, :, 8:12] = -8 / SIDE  # columns 8 to 11 show what was in columns 4 to 7
    bare, rimmed = (shown_in_source(displacement, 0.06, rim)[0, 0, 5] > 0.5 for rim in (0, 1))
    assert (~bare).nonzero().flatten().tolist() == [4, 5, 6, 7]
    assert (~rimmed).nonzero().flatten().tolist() == [3, 4, 5, 6, 7]  # column 8 shows the head itself


def test_a_face_that_turns_does_not_hide_itself():
    displacement = torch.zeros(1, 2, SIDE, SIDE)
    displacement[:, 0] = torch.linspace(0.6, 0.2, SIDE)  # the far cheek moves less than the nose
    bare, rimmed = (shown_in_source(displacement, 0.06, rim)[0, 0, 5, : SIDE // 2] for rim in (0, 1))
    assert bare.min() > 0.8
    torch.testing.assert_close(rimmed, bare)


def test_what_lies_beyond_the_edge_is_hidden():
    displacement = torch.zeros(1, 2, SIDE, SIDE)
    displacement[:, 1] = 6 / SIDE  # everything shows what was three cells below
    shown = shown_in_source(displacement, 0.06, 1)[0, 0, :, 8] > 0.5
    assert shown.tolist() == [True] * 13 + [False] * 3


def _columns(side, *ranges):
    """Return `[1, 1, side, side]`, 1 in these columns."""
    area = torch.zeros(1, 1, side, side)
    for columns in ranges:
        area[..., columns] = 1
    return area


def test_a_wall_is_not_made_of_a_person_who_has_gone_on_a_little():
    # Someone in columns 8 to 23 has leant two cells to the left: 22 and 23 are wall now, where the source shows them.
    displacement = _slide(32, slice(6, 22), 2)
    person = Person(_columns(32, slice(8, 24)), None, _columns(32, slice(6, 22)))
    alone, known = (shown_in_source(displacement, 0.2, 0, each)[0, 0] for each in (None, person))
    assert alone[:, 22:24].min() > 0.8  # too little to be told from the motion
    assert known[:, 22:24].max() < 0.1
    assert known[:, :22].min() > 0.95
    assert known[:, 25:].min() > 0.95


def test_a_wall_beside_where_somebody_was_is_not_made_of_their_hair():
    # The matte ends with column 23, single hairs reach into 24; as they lean away these would stay behind.
    displacement = _slide(32, slice(6, 22), 2)
    person = Person(_columns(32, slice(8, 24)), None, _columns(32, slice(6, 22)))
    shown = shown_in_source(displacement, 0.2, 0, person)[0, 0]
    assert shown[:, 24].max() < 0.1
    assert shown[:, 25:].min() > 0.95


def test_the_edge_of_where_somebody_was_stays_while_they_move_about():
    seen = {True: [], False: []}
    for way in (5.0, 5.25, 5.5, 5.75, 6.0):
        front = (torch.arange(32) < 23.4 - way).float().expand(1, 1, 32, 32)
        displacement = torch.cat((front * 2 * way / 32, 0 * front), dim=1)
        for known, shown in seen.items():
            person = Person(_columns(32, slice(8, 24)), None, front) if known else None
            shown.append(shown_in_source(displacement, 0.06, 0, person)[..., 20:])
    by_motion, by_matte = (torch.stack(seen[known]).diff(dim=0).abs().max() for known in (False, True))
    assert by_motion > 0.5
    assert by_matte < 0.1


def test_somebody_who_rests_is_shown_however_well_the_matte_fits():
    person = Person(_columns(32, slice(8, 24)), None, _columns(32, slice(10, 20)))
    assert shown_in_source(torch.zeros(1, 2, 32, 32), 0.06, 1, person).min() > 0.95


def test_hair_may_be_read_twice_and_a_nose_may_not():
    # Columns 8 to 15 show what was in 14 to 21; so do 14 to 21, which rest. What rests was hidden by what came.
    displacement = _slide(32, slice(8, 16), 6)
    everywhere = torch.ones(1, 1, 32, 32)
    hair, nose = (
        shown_in_source(displacement, 0.06, 0, Person(everywhere, face, everywhere))[0, 0, :, 16:22]
        for face in (0 * everywhere, everywhere)
    )
    assert hair.min() > 0.95
    assert nose.max() < 0.05


def test_in_layers_a_wall_is_shown_but_where_somebody_was_who_moved_on():
    person = Person(_columns(32, slice(8, 24)))
    moved = torch.zeros(1, 2, 32, 32)
    moved[:, 0, :, 4:20] = 8 / 32  # four cells to the left
    _, wall = shown_in_layers(moved, 0.06, 1, person)
    assert wall[..., 9:23].max() < 0.05
    assert wall[..., :6].min() > 0.95
    assert wall[..., 26:].min() > 0.95
    shown, wall = shown_in_layers(0 * moved, 0.06, 1, person)
    assert min(shown.min(), wall.min()) > 0.95  # who rests hides nothing that the source shows


def test_in_layers_hair_may_be_read_twice_and_a_nose_may_not():
    displacement = _slide(32, slice(8, 16), 6)
    everywhere = torch.ones(1, 1, 32, 32)
    hair, nose = (
        shown_in_layers(displacement, 0.06, 0, Person(everywhere, face))[0][0, 0, :, 16:22]
        for face in (0 * everywhere, everywhere)
    )
    assert hair.min() > 0.95
    assert nose.max() < 0.05


def test_a_face_is_what_its_outline_encloses_however_it_is_tilted():
    outline = {
        10: (0.0, -0.5),
        454: (0.3, -0.1),
        397: (0.25, 0.3),
        152: (0.0, 0.5),
        172: (-0.25, 0.3),
        234: (-0.3, -0.1),
    }
    value = torch.zeros(1, len(TIED_LANDMARKS), 2)
    for landmark, place in outline.items():
        value[0, TIED_LANDMARKS.index(landmark)] = torch.tensor(place)
    upright = face_area(Keypoints(value), 64)[0, 0]
    assert upright[32, 32] > 0.95  # amid the picture
    assert upright[32, 60] < 0.05
    assert upright[60, 32] < 0.05
    assert 0.095 < upright.mean() < 0.12  # the polygon has .0975 of the picture, and a little more counts
    quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])  # x, y to -y, x: a quarter of a turn
    tilted = face_area(Keypoints(value @ quarter), 64)[0, 0]
    torch.testing.assert_close(tilted, upright.rot90(-1), atol=0.02, rtol=0)
