import re

import numpy as np
import pytest

from fomm.config.face import FaceSettings
from fomm.errors import FaceError, SettingsError
from fomm.face import windows
from fomm.face.crop import FACE_SHARE, CropWindow
from fomm.face.remarks import FaceWarning
from fomm.face.windows import driving_window, portrait_window, steady_window


def moved(head, dx, dy=0):
    return np.roll(np.pad(head, ((40, 40), (150, 150), (0, 0))), (dy, dx), axis=(0, 1))


def test_the_crop_of_a_photo_shows_the_face_at_its_usual_size(finder, photo):
    window = portrait_window(photo, finder)
    (face,) = finder.find(window.crop(photo, 256))
    assert face.size / 256 == pytest.approx(FACE_SHARE, abs=0.06)
    assert face.center[0] / 256 == pytest.approx(0.5, abs=0.05)


def test_a_photo_without_a_face_names_the_way_out(finder, blank):
    with pytest.raises(FaceError, match="--source-box"):
        portrait_window(blank, finder, FaceSettings())
    with pytest.raises(FaceError, match="use one that shows a face"):  # whose caller takes no box
        portrait_window(blank, finder)


def test_a_box_given_by_hand_becomes_square_and_needs_no_face_where_any_will_do(finder, blank):
    window = portrait_window(blank, finder, FaceSettings(source_box=(20, 30, 100, 60), any_face=True))
    assert window == CropWindow(20, 10, 100)


def test_a_box_outside_the_photo_is_refused_by_name(finder, blank):
    with pytest.raises(FaceError, match="--source-box 500,0,10,10 lies outside the 240x240"):
        portrait_window(blank, finder, FaceSettings(source_box=(500, 0, 10, 10)))
    with pytest.raises(FaceError, match="--source-box 0,0,100000,5 is more than 4 times as large as the 240x240"):
        portrait_window(blank, finder, FaceSettings(source_box=(0, 0, 100000, 5)))


def test_a_box_without_a_human_face_is_refused(finder, blank, photo):
    with pytest.raises(FaceError, match=r"inside --source-box.*--any-face"):
        portrait_window(blank, finder, FaceSettings(source_box=(20, 30, 100, 60)))
    with pytest.raises(FaceError, match=r"inside --source-box"):  # there is a face, elsewhere
        portrait_window(photo, finder, FaceSettings(source_box=(300, 300, 150, 150)))
    with pytest.raises(FaceError, match=r"inside --driving-box.*--any-face"):
        steady_window([blank], finder, FaceSettings(driving_box=(10, 10, 50, 50)))


def test_a_face_too_small_for_the_whole_photo_is_found_inside_a_box(finder, head):
    large = np.zeros((3000, 4000, 3), np.uint8)
    large[600:680, 900:980] = head[::3, ::3]
    window = portrait_window(large, finder, FaceSettings(source_box=(890, 590, 100, 100)))
    assert window == CropWindow(890, 590, 100)


def test_one_of_several_faces_is_taken_with_a_word(finder, head, recwarn):
    both = np.concatenate((head, head[:, ::-1]), axis=1)
    portrait_window(both, finder, FaceSettings())
    (note,) = (str(warning.message) for warning in recwarn if warning.category is FaceWarning)
    assert "2 faces" in note
    assert "--source-face" in note
    number = re.search(r"number (\d)", note)[1]
    assert portrait_window(both, finder) == portrait_window(both, finder, FaceSettings(source_face=number))
    recwarn.clear()
    portrait_window(both, finder, FaceSettings(source_face="left"))  # somebody chose
    portrait_window(head, finder)
    assert [warning for warning in recwarn if warning.category is FaceWarning] == []
    with pytest.warns(FaceWarning, match=r"The driving clip shows 2 faces.*--driving-face"):
        steady_window([both, both], finder, FaceSettings())
    for unchosen in (lambda: portrait_window(both, finder), lambda: steady_window([both, both], finder)):
        with pytest.warns(FaceWarning, match="2 faces") as notes:  # where nobody can choose, no option is named
            unchosen()
        assert not any("--" in str(note.message) for note in notes)


def test_a_small_face_is_taken_with_a_word(finder, head):
    small = np.zeros((400, 400, 3), np.uint8)
    small[100:180, 100:180] = head[::3, ::3]
    with pytest.warns(FaceWarning, match=r"face in the photo is only \d\d px large.*soft"):
        portrait_window(small, finder)


def test_the_asked_for_person_of_two_is_cropped(finder, head):
    both = np.concatenate((head, head[:, ::-1]), axis=1)
    left = portrait_window(both, finder, FaceSettings(source_face="left"))
    right = portrait_window(both, finder, FaceSettings(source_face="2"))
    assert right.x - left.x > 200


def test_a_small_face_in_a_large_photo_is_found(finder, head):
    large = np.zeros((1200, 1600, 3), np.uint8)
    large[600:680, 900:980] = head[::3, ::3]
    window = portrait_window(large, finder)
    assert window.x + window.side / 2 == pytest.approx(941, abs=10)


def test_settings_refuse_unknown_faces_and_empty_boxes():
    with pytest.raises(SettingsError, match=r"FaceSettings\.driving_face"):
        FaceSettings(driving_face="tallest")
    with pytest.raises(SettingsError, match=r"FaceSettings\.source_box"):
        FaceSettings(source_box=(0, 0, 0, 10))
    again = FaceSettings.from_mapping(FaceSettings(driving_box=(1, 2, 3, 4)).to_mapping())
    assert again.driving_box == (1, 2, 3, 4)


def test_a_still_head_gets_the_photos_own_window_and_one_missed_frame_changes_nothing(finder, head, blank):
    still = moved(head, 0)
    alone = steady_window([still], finder)
    gap = np.zeros_like(still)
    assert steady_window([still, gap, still, still], finder).window == alone.window
    assert alone.window.side == pytest.approx(portrait_window(still, finder).side, rel=0.02)


def test_the_window_grows_to_hold_a_head_that_travels(finder, head):
    frames = [moved(head, dx) for dx in (-90, -45, 0, 45, 90)]
    driving = steady_window(frames, finder)
    assert driving.window.side > 1.2 * steady_window(frames[2:3], finder).window.side
    for frame in frames:
        (face,) = finder.find(frame)
        assert driving.window.x <= face.box[0] + 5
        assert face.box[2] - 5 <= driving.window.x + driving.window.side


def test_the_same_person_is_followed_past_a_second_one(finder, head):
    frames = [np.concatenate((moved(head, dx), moved(head, 0)), axis=1) for dx in (0, 8, 16)]
    frames.insert(1, np.concatenate((np.zeros_like(moved(head, 0)), moved(head, 0)), axis=1))
    driving = steady_window(frames, finder, FaceSettings(driving_face="left"))
    assert driving.face.center[0] == pytest.approx(150 + 123 + 8, abs=12)


def test_a_clip_without_a_face_names_the_way_out_and_a_box_by_hand_works(finder, blank):
    with pytest.raises(FaceError, match="--driving-box"):
        steady_window([blank, blank], finder, FaceSettings())
    with pytest.raises(FaceError, match="use one that shows a face"):  # whose caller takes no box
        steady_window([blank, blank], finder)
    with pytest.raises(FaceError, match="no frames"):
        steady_window([], finder)
    driving = steady_window([blank], finder, FaceSettings(driving_box=(10, 10, 50, 50), any_face=True))
    assert driving.window == CropWindow(10, 10, 50)
    assert driving.face is None


def test_a_box_by_hand_follows_only_the_face_inside_it(finder, head):
    both = np.concatenate((moved(head, 0), moved(head, 0)), axis=1)
    driving = steady_window([both], finder, FaceSettings(driving_box=(540, 0, 540, 320)))
    assert driving.face.center[0] == pytest.approx(540 + 273, abs=12)


def test_a_driving_file_is_sampled_evenly(finder, head, monkeypatch, tmp_path):
    asked = []

    def sample(path, count):
        asked.append((path, count))
        return [(0, moved(head, 0)), (9, moved(head, 0))]

    monkeypatch.setattr(windows, "sample_frames", sample)
    assert driving_window(tmp_path / "clip.mp4", finder).window == steady_window([moved(head, 0)], finder).window
    assert asked == [(tmp_path / "clip.mp4", windows.SAMPLES)]
