"""The matte learns from portraits: who counts, what views show, and that nothing else changes."""

import numpy as np
import pytest
import skimage.data
import torch
import yaml
from PIL import Image
from tiny_training import compact_mapping

from fomm.config.training.stages import CompactConfig
from fomm.errors import MediaError, SettingsError
from fomm.training.data import portrait_views
from fomm.training.data.portrait_views import PortraitPictures, draw_views
from fomm.training.loop.run import train
from fomm.training.loop.trainer import Trainer
from fomm.training.tasks.matte import MatteTask
from fomm.training.tasks.task import Draw

STAGE = {"name": "matte", "steps": 40, "learning_rate": 0.01, "side": 128, "batch_size": 4}
FILLED = {"hidden_margin": 0.06, "hidden_fill": True}


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    """A folder: two portraits to learn from, one with a wall, one that is held out, and one that shows no face."""
    folder = tmp_path_factory.mktemp("portraits")
    photo = skimage.data.astronaut()[:260, 90:350]
    y, x = np.mgrid[0:260, 0:260]
    matte = (((x - 133) / 60) ** 2 + ((y - 100) / 90) ** 2 < 1) | ((y > 170) & (abs(x - 133) < 110))
    for name in ("woman_1", "woman_2", "woman_15", "wall_3"):
        Image.fromarray(np.full_like(photo, 90) if name == "wall_3" else photo).save(folder / f"{name}.jpg")
        Image.fromarray(matte.astype(np.uint8) * 255).save(folder / f"{name}_alpha.png")
    Image.fromarray(np.full_like(photo, (20, 200, 40))).save(folder / "woman_1_background.jpg")
    return folder


@pytest.fixture(scope="module")
def pictures(portraits):
    return PortraitPictures.read(portraits)


def config(*stages, **model):
    mapping = compact_mapping(*(stages or [STAGE]))
    mapping["model"] |= {**FILLED, "matte_width": 4, "matte_detail": 4, **model}
    return CompactConfig.from_mapping(mapping, where="test")


def white_people(count=3):
    """People that are white where they are, before walls that are black."""
    side = 96
    matte = torch.zeros(count, 1, side, side, dtype=torch.uint8)
    matte[:, :, 24:, 30:60] = 255
    windows = torch.tensor([[0.0, 0.0, 0.8]]).expand(count, 3)
    return PortraitPictures(matte.expand(-1, 4, -1, -1), torch.zeros(2, 3, side, side, dtype=torch.uint8), windows)


def test_portraits_with_a_face_are_read_and_held_out_ones_are_not(pictures):
    assert len(pictures.people) == 2
    assert len(pictures.walls) == 1
    (x, y, half) = pictures.windows[0].tolist()
    assert x == pytest.approx(2 * 133 / 260 - 1, abs=0.1)  # the face's middle
    assert y == pytest.approx(2 * 130 / 260 - 1, abs=0.2)
    assert 0.4 < half < 1.0


def test_a_folder_without_usable_portraits_is_refused_by_name(tmp_path):
    grey = np.full((64, 64, 3), 128, np.uint8)
    Image.fromarray(grey).save(tmp_path / "nobody_1.jpg")
    Image.fromarray(grey).save(tmp_path / "nobody_1_alpha.png")
    with pytest.raises(MediaError, match="NAME_alpha"):
        PortraitPictures.read(tmp_path)
    Image.fromarray(grey[:32]).save(tmp_path / "nobody_1_alpha.png")
    with pytest.raises(MediaError, match="is not of the picture's size"):
        PortraitPictures.read(tmp_path)


def test_a_view_s_matte_is_where_it_shows_the_person():
    views = draw_views(white_people(), 24, 64, torch.Generator().manual_seed(1))
    assert views.pictures.shape == (24, 3, 64, 64)
    assert 0.05 < float(views.person.mean()) < 0.9
    for picture, person in zip(views.pictures.mean(1), views.person[:, 0], strict=True):
        if 0.1 < person.mean() < 0.9 and picture.std() > 0.05:
            assert abs(np.corrcoef(picture.flatten(), person.flatten())[0, 1]) > 0.3


def test_views_differ_from_one_another_and_repeat_with_their_seed(pictures):
    one, same, other = (draw_views(pictures, 2, 64, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.pictures, same.pictures)
    assert torch.equal(one.person, same.person)
    assert (one.pictures[0] - one.pictures[1]).abs().mean() > 0.02
    assert (one.person - other.person).abs().mean() > 0.02


def test_some_views_leave_their_photo_and_repeat_its_edges():
    views = draw_views(white_people(), 200, 32, torch.Generator().manual_seed(3))
    both = torch.cat((views.pictures, views.person), 1)
    above, left, right = (
        (part == part[..., :1, :]).all((1, 2, 3))  # noise tells any two rows that are not the same one apart
        for part in (both[:, :, :3], both.mT[:, :, :3], both.mT.flip(2)[:, :, :3])
    )
    assert 0.1 < float(above.float().mean()) < 0.35
    for side in (left, right):
        assert 0.02 < float(side.float().mean()) < 0.2
    assert not (above & left & right).all()


def test_some_views_begin_below_the_crown(monkeypatch):
    def cut():
        views = draw_views(white_people(), 400, 32, torch.Generator().manual_seed(3))
        return float((views.person[:, 0, 0] > 0.5).any(1).float().mean())

    cut_off = cut()
    monkeypatch.setattr(portrait_views, "_CLOSE", 0.0)
    assert cut_off > cut() + 0.04


def test_some_people_wear_a_hat_of_another_colour_and_it_belongs_to_them():
    views = draw_views(white_people(), 200, 64, torch.Generator().manual_seed(4))
    coloured = views.pictures.amax(1) - views.pictures.amin(1) > 0.3
    hats = (coloured & (views.person[:, 0] > 0.9)).float().mean((1, 2)) > 0.02
    assert 0.05 < float(hats.float().mean()) < 0.4


def test_the_matte_learns_and_nothing_else_changes():
    task = MatteTask(config(), white_people(), torch.device("cpu"))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    batch = task.make_batch(Draw(0, 0, 7))
    task.begin(0)
    first = float(task.losses(batch).losses["matte"].detach())
    task.make_batch = lambda draw: batch
    trainer = Trainer(task, None, torch.device("cpu"), on_progress=lambda _: None)
    trainer.run()
    task.begin(0)
    assert float(task.losses(batch).losses["matte"].detach()) < 0.6 * first
    others = [name for name in before if not name.startswith("matte.")]
    assert all(torch.equal(before[name], trainer.state.averaged[name]) for name in others)


def test_other_stages_and_models_without_a_matte_are_refused():
    with pytest.raises(SettingsError, match=r"named motion .* portraits train the matte alone"):
        MatteTask(config(STAGE, {"name": "motion"}), white_people(), torch.device("cpu"))
    with pytest.raises(SettingsError, match="matte_width"):
        MatteTask(config(matte_width=0), white_people(), torch.device("cpu"))
    with pytest.raises(SettingsError, match=r"model\.close_look: no stage"):
        MatteTask(config(tied_keypoints=42, close_look=4), white_people(), torch.device("cpu"))


def test_a_folder_of_portraits_trains_the_matte(portraits, tmp_path):
    mapping = compact_mapping({**STAGE, "steps": 2})
    mapping["model"] |= {**FILLED, "matte_width": 4}
    path = tmp_path / "matte.yaml"
    path.write_text(yaml.safe_dump(mapping))
    result = train(path, portraits, tmp_path / "run", device="cpu")
    assert result.finished
    assert (tmp_path / "run" / "1-matte.safetensors").is_file()
    assert list((tmp_path / "run" / "sheets").iterdir())
