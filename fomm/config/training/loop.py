"""How a run of training is gone on with."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option

RESUME = ("auto", "never", "adapt")


@dataclass(frozen=True)
class LoopSettings(Settings):
    """What the loop itself needs to know, whatever it trains."""

    seed: int = option(0, "Seed of all randomness.", low=0)
    clip_norm: float = option(1.0, "Largest gradient norm; 0 for no limit.", low=0.0)
    ema_decay: float = option(0.999, "Decay of the averaged weights that are saved.", low=0.0, high=1.0)
    precision: str = option("auto", "Arithmetic of the forward pass.", choices=("auto", "float32", "bfloat16"))
    checkpoint_every: int = option(200, "Steps between checkpoints.", low=1)
    log_every: int = option(50, "Steps between progress reports.", low=1)
    sheet_every: int = option(500, "Steps between contact sheets.", low=1)
    loaders: int = option(0, "Batches prepared at the same time; 0 chooses by device.", low=0, high=64)

    def lasting(self) -> dict[str, object]:
        """Return the settings that decide the weights, without those that only say when to look or save."""
        when = ("checkpoint_every", "log_every", "sheet_every", "loaders")
        return {key: value for key, value in self.to_mapping().items() if key not in when}
