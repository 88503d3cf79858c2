"""How frames are computed: device, arithmetic and batch size, each chosen for the machine unless the user says."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class RenderSettings(Settings):
    """Where and how precisely frames are computed."""

    device: str = option("auto", "Where to compute; auto takes a GPU if there is one.", choices=DEVICES)
    precision: str = option(
        "auto",
        "Number type of the networks; auto takes the one in which the model was measured to be fast here.",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    batch_size: int = option(0, "Frames that are computed together; 0 chooses.", low=0, high=256)
    without: str = option(
        "", "Stages of the model to leave out, with commas between them, such as lashes,tongue; to see what each does."
    )

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names in `without`."""
        return tuple(name.strip() for name in self.without.split(",") if name.strip())
