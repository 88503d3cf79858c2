"""The free detector: what a file says about itself, layer by layer, and one verdict with a stable exit code.

Two layers say where a file comes from, and they fail in different ways. The manifest is exact and easily lost; the
watermark survives almost anything and says nothing about single bytes. Together they tell a flipped bit (our manifest
no longer fits, our mark is there) from a copied manifest (our manifest, not its mark) and a stranger's signature (our
mark under somebody else's manifest).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fomm.errors import MediaError
from fomm.media.limits import check_file
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.already_marked import known_pins
from fomm.trust.marks.evidence import ABSENT as NO_MARK
from fomm.trust.marks.evidence import (
    FOUND,
    RELEASED,
    UNKNOWN,
    UNREADABLE,
    RegistryReading,
    WatermarkReading,
    read_registry,
    read_watermark,
    reread_watermark,
)
from fomm.trust.marks.formats import is_cut
from fomm.trust.marks.kinds import Kind, kind_of
from fomm.trust.marks.manifest_reader import ABSENT, TAMPERED, TRUSTED, UNTRUSTED, ManifestReading, Pins, read_manifest

SCHEMA = 1

# Verdict: exit code and sentence. Scripts rely on the codes; add new ones, never change these.
VERDICTS = {
    "intact": (0, "Made with fomm by a signer known here, and unchanged since."),
    "marked": (10, "Made with fomm here; its manifest is lost (copied, cut, re-encoded or filmed)."),
    "unmarked": (11, "No manifest and no mark of this key store: nothing says that fomm made it."),
    "altered": (12, "Made with fomm and changed after it was signed."),
    "truncated": (13, "Cut short; what is left holds our mark, or a manifest that no longer fits."),
    "copied": (
        14,
        "Holds a manifest of another file; its mark is not in these pictures, so nothing says whose they are.",
    ),
    "resigned": (15, "Made with fomm here, then signed anew by a stranger."),
    "foreign": (16, "Carries a manifest that is not ours, and no mark of this key store."),
    "unheld": (17, "Signed here, but its pictures do not hold the mark that its manifest names."),
    "unclear": (
        18,
        "Holds a manifest that does not fit it, and its pictures cannot be searched for our mark: nothing says whose "
        "they are.",
    ),
}
_PADDED = "Made with fomm by a signer known here; bytes were added since that are no part of picture or sound."


@dataclass(frozen=True)
class Report:
    """What `verify` found, each layer for itself.

    Attributes:
        path: the file.
        verdict: a key of `VERDICTS`.
        manifest: the C2PA layer.
        watermark: the invisible mark.
        registry: output and consent, as recorded here.
    """

    path: Path
    verdict: str
    manifest: ManifestReading
    watermark: WatermarkReading
    registry: RegistryReading

    @property
    def exit_code(self) -> int:
        """0 for an intact file of ours, others as in `VERDICTS`."""
        return VERDICTS[self.verdict][0]

    @property
    def summary(self) -> str:
        """The verdict in a sentence."""
        if self.verdict == "intact" and self.registry.state == RELEASED and not self.registry.exact:
            return _PADDED
        return VERDICTS[self.verdict][1]

    @property
    def kind(self) -> Kind | None:
        """What the file is where its marks say that it is no output of one consent, such as a contact sheet."""
        known = self.registry.state == UNKNOWN
        return kind_of(self.registry.output_id) if known else None

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values for JSON; keys are only ever added within one `schema`."""
        registry = asdict(self.registry)
        consent = {"id": registry.pop("consent"), "state": registry.pop("consent_state")}
        return {
            "schema": SCHEMA,
            "file": str(self.path),
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "summary": self.summary,
            "kind": self.kind.name if self.kind else "",
            "manifest": {**asdict(self.manifest), "codes": list(self.manifest.codes)},
            "watermark": asdict(self.watermark),
            "registry": registry,
            "consent": {**consent, "revoked": consent["state"] == "revoked"},
        }


def verify(path: Path, ledger: Ledger | None = None, *, roots: Sequence[str] = (), deep: bool = True) -> Report:
    """Say what a video, picture or GIF carries; works on cuts, re-encodes and screen captures too.

    Args:
        path: the file.
        ledger: whose keys and registry to ask; the user's own by default.
        roots: PEM root certificates of others whose manifests are trusted as well.
        deep: search longer for a watermark that is not found at once.

    Raises:
        MediaError: the file cannot be read, or is neither picture nor video.
        TrustError: the signing certificate of this key store cannot be read.
    """
    ledger = ledger or Ledger()
    check_file(path)
    own, others = known_pins(ledger.keys), [Pins(root) for root in roots]
    manifest = read_manifest(path, *own)
    ours = manifest.known_signer
    if not ours and others:
        manifest = read_manifest(path, *others)
    watermark = read_watermark(path, ledger, deep=deep)
    if ours and manifest.state == TRUSTED and manifest.names_mark and watermark.state == NO_MARK:
        watermark = reread_watermark(path, ledger, manifest.output_id)
    if manifest.state == ABSENT and watermark.state == UNREADABLE:
        raise MediaError(watermark.detail)
    output_id = watermark.id or (manifest.output_id if manifest.known_signer else "")
    verdict = _verdict(manifest, watermark, ours=ours, cut=is_cut(path))
    return Report(path, verdict, manifest, watermark, read_registry(path, output_id, ledger))


def _verdict(manifest: ManifestReading, watermark: WatermarkReading, *, ours: bool, cut: bool) -> str:
    """Judge; `ours`: the manifest is by this key store's own signer, whose marks its watermark key reads."""
    marked = watermark.state == FOUND
    if cut and (manifest.state == TAMPERED or (manifest.state == ABSENT and marked)):
        return "truncated"
    if manifest.known_signer and manifest.output_id:
        if _belongs_elsewhere(manifest, watermark):
            return "copied"
        if manifest.state == TRUSTED:
            return "unheld" if ours and manifest.names_mark and watermark.state == NO_MARK else "intact"
        return "altered" if marked else "unclear"
    if marked:
        return {UNTRUSTED: "resigned", TAMPERED: "altered"}.get(manifest.state, "marked")
    return "unmarked" if manifest.state == ABSENT else "foreign"


def _belongs_elsewhere(manifest: ManifestReading, watermark: WatermarkReading) -> bool:
    """Say whether our manifest names another output than the pictures do, or the pictures lack the mark it names."""
    if watermark.state == FOUND:
        return watermark.id != manifest.output_id
    return watermark.state == NO_MARK and manifest.state == TAMPERED  # its hash does not fit: it says nothing of them
