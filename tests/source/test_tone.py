"""What is made up has the photo's tone: grey in grey photos, the tint of toned ones, and its own colours in others."""

import numpy as np
import torch
from PIL import Image

from fomm.config.edit import EditSettings
from fomm.config.refine import RefineSettings
from fomm.face.windows import portrait_window
from fomm.render.paste_back import PasteBack
from fomm.source.tone import tone_of, toned
from fomm.tasks.animate import Pipeline
from fomm.tasks.directions import directions_of, keypoints_of, tied_anatomy
from fomm.trust.consent.ledger import Ledger
from fomm.weights.locations import demo_folder

EVERYWHERE = torch.ones(1, 1, 48, 48)


def _picture(name):
    with Image.open(demo_folder() / "portrait.jpg") as image:
        small = image.convert("RGB").resize((48, 48))
    colour = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1)[None].float() / 255  # [1, 3, 48, 48]
    light = (colour * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    toned = torch.cat((light**0.8, 0.92 * light, 0.8 * light**1.25), dim=1)
    return {"colour": colour, "grey": light.expand(-1, 3, -1, -1), "toned": toned}[name]


def test_a_colour_photo_keeps_what_was_made_up_bit_for_bit():
    made = torch.rand(1, 3, 8, 8)
    assert torch.equal(toned(made, tone_of(_picture("colour"), EVERYWHERE)), made)


def test_in_a_grey_photo_red_is_grey_of_its_lightness():
    red = torch.tensor([0.8, 0.2, 0.3]).view(1, 3, 1, 1)
    made = toned(red, tone_of(_picture("grey"), EVERYWHERE))
    torch.testing.assert_close(made, torch.full_like(made, 0.299 * 0.8 + 0.587 * 0.2 + 0.114 * 0.3), atol=5e-3, rtol=0)


def test_in_a_toned_photo_it_has_the_tint_of_its_lightness():
    picture = _picture("toned")
    made = toned(torch.tensor([0.8, 0.2, 0.3]).view(1, 3, 1, 1), tone_of(picture, EVERYWHERE))
    light = (picture * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1)
    near = (light - (made[0, :, 0, 0] * torch.tensor([0.299, 0.587, 0.114])).sum()).abs() < 0.01
    torch.testing.assert_close(picture.permute(0, 2, 3, 1)[near].mean(0), made[0, :, 0, 0], atol=0.02, rtol=0)


def test_too_few_pixels_of_a_person_tell_nothing():
    made = torch.rand(1, 3, 8, 8)
    assert torch.equal(toned(made, tone_of(_picture("grey"), 0 * EVERYWHERE)), made)


def test_a_mouth_opened_in_a_grey_photo_stays_grey(tmp_path):
    pipeline = Pipeline(ledger=Ledger(tmp_path))
    with Image.open(demo_folder() / "portrait-3.jpg") as image:
        photo = np.asarray(image.convert("L").convert("RGB"))
    window = portrait_window(photo, pipeline.finder, None, pipeline._animator.person)
    portrait = pipeline._animator.portrait(photo, window)
    edit = EditSettings(mouth=0.7, smile=0.5)
    driving = directions_of(pipeline).apply(keypoints_of(portrait), edit, tied_anatomy(pipeline))
    frame = PasteBack(portrait, RefineSettings()).compose(next(pipeline._animator.frames(portrait, driving)))[0]
    assert np.abs(frame.astype(int) - photo).max() > 40  # something was made up
    assert np.ptp(frame.astype(int), axis=2).max() <= 1
