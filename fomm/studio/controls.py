"""Page controls generated from the settings dataclasses: range, choices, default and help come from the field itself.

Only the label is added here, in plain words, and which settings are worth showing.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from fomm.config.animate import AnimateSettings
from fomm.config.face import FACE_NAMES
from fomm.config.motion import REFERENCES
from fomm.config.settings import Settings
from fomm.errors import SettingsError
from fomm.studio.serve.asked import MOST_SIDE

AnySettings = TypeVar("AnySettings", bound=Settings)


@dataclass(frozen=True)
class Control:
    """One setting on the page.

    Attributes:
        path: where it lies in the settings, such as `transfer.strength`.
        label: its name in plain words.
        step: of its slider.
        offered: values to choose from where others may be typed in too.
        root: the settings it is part of.
        most: the studio's own bound, where it is lower than the setting's.
    """

    path: str
    label: str
    step: float = 0.05
    offered: tuple[str, ...] = ()
    root: type[Settings] = AnimateSettings
    most: float | None = None

    def component(self) -> gr.components.Component:
        """Return the slider, list or box that edits it."""
        field, hint = _field(self)
        common = {"label": self.label, "info": field.metadata["help"], "value": field.default}
        choices = [(_plain(choice), choice) for choice in field.metadata["choices"] or self.offered]
        if words := field.metadata["words"]:
            offered = dict.fromkeys([str(field.default), *self.offered, *words])
            options = [(_plain(choice), choice) for choice in offered]
            return gr.Dropdown(options, allow_custom_value=True, **{**common, "value": str(field.default)})
        if choices:
            return gr.Dropdown(choices, allow_custom_value=bool(self.offered), **common)
        if hint is bool:
            return gr.Checkbox(**common)
        low, high = field.metadata["low"], self.most or field.metadata["high"]
        if low is not None and high is not None:
            return gr.Slider(low, high, step=1 if hint is int else self.step, **common)
        if hint in (int, float):
            return gr.Number(minimum=0, maximum=high, **{**common, "info": f"{common['info']} 0 means all of it."})
        return gr.Textbox(**common)


# Shown at once, and behind "Fine tuning".
MAIN = (
    Control("transfer.strength", "Motion strength"),
    Control("transfer.head", "Head and shoulders"),
    Control("transfer.expression", "Expression"),
    Control("mood.smile", "Smile"),
    Control("face.driving_face", "Person in the clip", offered=FACE_NAMES),
    Control("max_seconds", "Stop after (seconds)"),
    Control("use", "Where it will be shown"),
    Control("label.corner", "Label corner"),
)
FINE = (
    Control("mood.brows", "Brows"),
    Control("transfer.mode", "Face shape"),
    Control("transfer.reference", "Start frame", offered=REFERENCES),
    Control("transfer.full_blinks", "Full blinks"),
    Control("transfer.lips_meet", "Lips that meet"),
    Control("transfer.roam", "How far the person roams", 0.05),
    Control("transfer.turn", "How far the head turns", 0.02),
    Control("transfer.adapt_scale", "Fit to the photo's face size"),
    Control("smooth.enabled", "Steady the motion"),
    Control("smooth.window", "Steadiness", 0.02),
    Control("face.any_face", "Crop by hand without a face"),
    Control("refine.crop_only", "Only the face square"),
    Control("refine.detail", "Photo detail"),
    Control("refine.min_side", "Output size at least", most=MOST_SIDE),
    Control("refine.max_side", "Output size at most", offered=("1080", "2160", "4096")),
    Control("refine.edge", "Soft edge", 0.01),
    Control("label.language", "Language of the label"),
    Control("label.text", "Own words beneath the label"),
    Control("encode.quality", "Compression"),
    Control("encode.preset", "Encoder speed"),
)
CONTROLS = MAIN + FINE


def build(controls: Iterable[Control]) -> list[gr.components.Component]:
    """Put controls on the page, in order."""
    return [control.component() for control in controls]


def settings_of(values: Sequence[Any], face: str, zoom: float | None, box: str | None) -> AnimateSettings:
    """Return settings from the values of `CONTROLS` and of the photo's own controls, see `settings_from`."""
    return settings_from(AnimateSettings, CONTROLS, values, face, zoom, box)


def settings_from(
    kind: type[AnySettings],
    controls: Sequence[Control],
    values: Sequence[Any],
    face: str,
    zoom: float | None,
    box: str | None,
) -> AnySettings:
    """Return settings from the values of controls and of the photo's own.

    Args:
        kind: the settings, which have a `face` stage.
        controls: what is edited of them.
        values: one per control; an empty one means the default.
        face: which face of the photo.
        zoom: how closely it is cropped.
        box: crop by hand as x,y,width,height in px, or empty.

    Raises:
        SettingsError: a value is out of range; the message names the control.
    """
    mapping: dict[str, Any] = {"face": {"source_face": face, "zoom": zoom or 1.0}}
    if box and box.strip():
        mapping["face"]["source_box"] = _numbers(box)
    for control, value in zip(controls, values, strict=True):
        if value in (None, "") or (value == 0 and _field(control)[0].default is None):
            continue
        if _field(control)[1] is int and isinstance(value, str) and value.strip().isdecimal():
            value = int(value)  # noqa: PLW2901 - typed into a list of words
        place = mapping
        *stages, name = control.path.split(".")
        for stage in stages:
            place = place.setdefault(stage, {})
        place[name] = value
    try:
        return kind.from_mapping(mapping)
    except SettingsError as error:
        message = str(error)
        for control in controls:
            message = message.replace(f"{_owner(control)}.{control.path.split('.')[-1]}", f"'{control.label}'")
        raise SettingsError(message) from error


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(f"The crop must be four whole numbers x,y,width,height, not '{text}'.") from None


def _field(control: Control) -> tuple[dataclasses.Field[Any], Any]:
    """Return the field that a control edits and its type without None."""
    kind: Any = control.root
    *stages, name = control.path.split(".")
    for stage in stages:
        kind = typing.get_type_hints(kind)[stage]
    field = next(field for field in dataclasses.fields(kind) if field.name == name)
    hint = typing.get_type_hints(kind)[name]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(inner for inner in typing.get_args(hint) if inner is not type(None))
    return field, hint


def _owner(control: Control) -> str:
    kind: type[Settings] = control.root
    for stage in control.path.split(".")[:-1]:
        kind = typing.get_type_hints(kind)[stage]
    return kind.__name__


def _plain(choice: str) -> str:
    """Return a choice as a reader would write it."""
    return choice.replace("-", " ").capitalize()
