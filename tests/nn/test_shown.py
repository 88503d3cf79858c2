"""What the source shows of a driving picture, by the motion alone and where the person is known."""

import torch

from fomm.nn.geometry import Keypoints
from fomm.nn.landmarks import TIED_LANDMARKS
from fomm.nn.shown import Person, face_area, shown_in_source

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


def test_a_tear_in_a_person_is_not_mended_with_wall():
    # The source shows somebody in columns 4 to 15. They turn, and where their neck is to come from there is wall.
    displacement = torch.zeros(1, 2, 32, 32)
    for columns, cells in ((slice(4, 12), 2), (slice(12, 15), 6), (slice(15, 18), -2)):
        displacement[:, 0, :, columns] = 2 * cells / 32
    front = _columns(32, slice(4, 18))
    bare, haired = _columns(32, slice(4, 16)), _columns(32, slice(4, 16), slice(22, 25))
    torn, gap = (shown_in_source(displacement, 0.06, 0, Person(matte, None, front))[0, 0] for matte in (bare, haired))
    assert torn[:, 12:15].max() < 0.05
    assert torn[:, 4:12].min() > 0.95
    assert torn[:, 15:18].min() > 0.95
    assert gap[:, 12:15].min() > 0.95  # between cheek and hair the source shows wall, too
    resting = shown_in_source(displacement / 20, 0.06, 0, Person(bare, None, front))
    assert resting.min() > 0.9


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


def _turned(columns, of):
    """Return what a person of columns 20 to 43 shows who comes 12 to the left, with their last columns drawn out.

    Columns 8 to 23 come from 20 to 35, and those up to `columns` from `of` columns from there on.
    """
    displacement = torch.zeros(1, 2, 64, 64)
    displacement[:, 0, :, 8:24] = 24 / 64
    wide = torch.arange(24, columns)
    displacement[:, 0, :, 24:columns] = 2 / 64 * (36 + (wide - 23.5) * of / (columns - 24) - 0.5 - wide)
    matte, now = _columns(64, slice(20, 44)), _columns(64, slice(8, columns))
    return shown_in_source(displacement, 0.06, 0, Person(matte, 0 * matte, now))[0, 0, 32, 24:columns]


def test_a_rim_that_a_far_turn_draws_out_is_not_what_is_behind_it():
    assert _turned(34, of=8.5)[:9].min() > 0.8  # a person who comes along as they are
    drawn_out = _turned(54, of=8.5)
    assert drawn_out[:22].min() > 0.95  # hair that is drawn out is still hair
    assert drawn_out[-3:].max() < 0.1  # but its outermost cells hold some wall


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
