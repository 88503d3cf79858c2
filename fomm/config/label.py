"""How the visible label looks."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option
from fomm.errors import SettingsError

CORNERS = ("bottom-right", "bottom-left", "top-right", "top-left")  # in order of preference
BADGE_WORDS = {
    "en": ("AI", "generated"),
    "de": ("KI", "generiert"),
    "es": ("IA", "generado"),
    "fr": ("IA", "généré"),
    "it": ("IA", "generato"),
    "nl": ("AI", "gegenereerd"),
    "pl": ("AI", "wygenerowane"),
    "pt": ("IA", "gerado"),
    "sv": ("AI", "genererad"),
}


@dataclass(frozen=True)
class LabelSettings(Settings):
    """How the visible label looks; it can be moved, enlarged and translated, not removed or shrunk."""

    language: str = option("en", "Language of the badge, the viewers'.", choices=tuple(BADGE_WORDS))
    text: str = option("", "Words of your own, on a plate beneath the badge.")
    corner: str = option("auto", "Where the label sits; auto keeps away from the face.", choices=("auto", *CORNERS))
    scale: float = option(1.0, "Size of the label, relative to the least readable one.", low=1.0, high=3.0)
    font: str = option("", "TrueType or OpenType file for words of your own in a script the built-in font lacks.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text and (not self.text.strip() or not self.text.isprintable() or len(self.text) > 40):
            raise SettingsError(f"LabelSettings.text must be up to 40 printable characters, not {self.text!r}.")

    @property
    def badge(self) -> str:
        """What the badge says, such as "AI generated"."""
        return " ".join(BADGE_WORDS[self.language])
