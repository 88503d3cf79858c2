"""Who is shown: held-out portraits never in training clips, one leading every test pair."""

import pytest
from toy_portraits import make_toys

from fomm.errors import MediaError, SettingsError
from fomm.synthesis.plan import plan_pair
from fomm.synthesis.portraits import PortraitFolder


def _everybody(plan):
    return {name for cast in plan.people for name in (cast.portrait, cast.partner, cast.place) if name}


def test_no_training_pair_shows_a_held_out_portrait(toys):
    folder = toys.folder
    assert folder.held_out == ("b_5",)
    shown = set().union(*(_everybody(plan_pair(folder, "train", seed, n)) for seed in (1, 2) for n in range(100)))
    assert shown == {"a_1", "a_2", "b_3"}


def test_a_held_out_portrait_leads_every_test_pair(toys):
    for number in range(30):
        plan = plan_pair(toys.folder, "test", 1, number)
        assert plan.people[0].portrait.endswith("5")
        assert plan.people[1].portrait != plan.people[0].portrait


def test_the_index_names_everybody_in_a_clip(toys):
    for number in range(30):
        plan = plan_pair(toys.folder, "train", 1, number)
        for entry, cast in zip(plan.index().values(), plan.people, strict=True):
            assert {entry["portrait"], *entry["others"]} == {
                name for name in (cast.portrait, cast.partner, cast.place) if name
            }


def test_everybody_leads_once_before_anybody_leads_twice(toys):
    leads = [plan_pair(toys.folder, "train", 4, n).people[0].portrait for n in range(3)]
    assert sorted(leads) == ["a_1", "a_2", "b_3"]


def test_a_folder_without_enough_people_is_refused(tmp_path):
    toys = make_toys(tmp_path, names=("a_1", "a_2"))
    with pytest.raises(SettingsError, match="held out"):
        plan_pair(toys.folder, "test", 1, 0)


def test_portraits_without_a_matte_are_left_out(tmp_path):
    toys = make_toys(tmp_path, names=("a_1", "a_2"))
    (toys.portraits / "a_2_alpha.png").unlink()
    assert toys.folder.names == ("a_1",)
    assert toys.folder.unprepared == ("a_2",)
    (toys.portraits / "landmarks.npz").write_bytes(b"")
    with pytest.raises(MediaError, match=r"landmarks\.npz"):
        PortraitFolder(toys.portraits)
