"""`fomm verify`: the free detector."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fomm.cli.echo import hand_out, say
from fomm.trust.keys.certificates import read_roots
from fomm.trust.marks.verify import VERDICTS, Report
from fomm.trust.marks.verify import verify as look

_CODES = "\n".join(f"  {code:>2}  {name}: {sentence}" for name, (code, sentence) in VERDICTS.items())


@click.command(epilog=f"\b\nExit codes:\n{_CODES}")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--root", type=click.Path(path_type=Path), multiple=True, help="PEM root of another signer to trust.")
@click.option("--quick", is_flag=True, help="Do not search for mirrored or stretched pictures.")
def verify(file: Path, as_json: bool, root: tuple[Path, ...], quick: bool) -> int:
    """Say whether FILE, a video, picture or GIF, was made with fomm; also a cut, a copy or a screen capture."""
    report = look(file, roots=[read_roots(path) for path in root], deep=not quick)
    if as_json:
        hand_out(json.dumps(report.to_mapping(), indent=2) + "\n")
    else:
        say(*_lines(report))
    return report.exit_code


def _lines(report: Report) -> list[str]:
    manifest, watermark, registry = report.manifest, report.watermark, report.registry
    lines = [
        f"{report.path}: {report.verdict}. {report.summary}",
        f"  manifest:  {manifest.state}: {manifest.detail}",
        f"  watermark: {watermark.state}{f' {watermark.id}' if watermark.id else ''}: {watermark.detail}",
        f"  registry:  {registry.state}: {registry.detail}",
    ]
    if report.kind:
        lines.insert(1, f"  It is {report.kind.text}.")
    if registry.consent:
        lines.append(f"  consent:   {registry.consent_state}: {registry.consent}")
    return lines
