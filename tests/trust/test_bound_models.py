"""A model fine-tuned on one person: it serves that person's photo while their consent stands, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from trust_samples import Clock, encode, picture

from fomm.errors import ConsentError, OutputError
from fomm.tasks.animate import Pipeline
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.bound import BoundModel
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.release.bind import reserve_model
from fomm.trust.release.registry import Registry
from fomm.weights.files import open_checkpoint, save_checkpoint
from fomm.weights.loading import checkpoint_info, load_model


@pytest.fixture
def terms() -> ConsentTerms:
    return ConsentTerms(
        subject="Ada", make=("animate", "train"), use=("web",), expires="2027-01-31", statement="Yes, do."
    )


@pytest.fixture
def leave(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> Authorisation:
    # A name too long to stand in random bytes by chance.
    ledger.grant(photo, replace(terms, subject="Ada Quillington-Featherby"))
    return authorise(photo, ledger=ledger, purpose="train")


@pytest.fixture
def bind(tiny_checkpoint: Path) -> Callable[[Path, Authorisation], Path]:
    """Write the tiny model as if it had been fine-tuned."""

    def make(path: Path, leave: Authorisation) -> Path:
        with open_checkpoint(tiny_checkpoint) as file:
            header, tensors = file.header, file.tensors()
        with reserve_model(path, leave, [], clips="", model="base", settings="", force=False) as draft:
            save_checkpoint(draft.partial, tensors, replace(header, binding=draft.binding))
            draft.deliver()
        return path

    return make


@pytest.fixture
def made(bind: Callable[[Path, Authorisation], Path], leave: Authorisation, tmp_path: Path) -> Path:
    return bind(tmp_path / "ada.safetensors", leave)


def bound(path: Path) -> BoundModel:
    info = checkpoint_info(path)
    return BoundModel.read("ada", info.header.binding, info.sha256)


def test_it_animates_the_photo_it_was_made_for(made: Path, ledger: Ledger, photo: bytes) -> None:
    model = bound(made)
    leave = authorise(photo, ledger=ledger, use="web", model=model)
    leave.recheck()
    again = encode(picture(1), "TIFF")  # the same pixels in another file
    assert authorise(again, ledger=ledger, model=model).model == model


def test_it_refuses_every_other_photo(made: Path, ledger: Ledger, terms: ConsentTerms) -> None:
    other = encode(picture(2))
    ledger.grant(other, terms)
    authorise(other, ledger=ledger)
    with pytest.raises(ConsentError, match="animates no other"):
        authorise(other, ledger=ledger, model=bound(made))


@pytest.mark.parametrize("end", ["revoke", "expire"])
def test_it_ends_with_its_consent_even_where_another_allows_the_photo(
    made: Path, ledger: Ledger, photo: bytes, terms: ConsentTerms, clock: Clock, end: str
) -> None:
    first = ledger.consents()[0].consent
    leave = authorise(photo, ledger=ledger, model=bound(made))
    if end == "revoke":
        ledger.revoke(first.id)
        ledger.grant(photo, terms, renew=True)
    else:
        clock.move(days=400)
        ledger.grant(photo, replace(terms, expires="2029-01-01"))
    authorise(photo, ledger=ledger)  # the photo may be animated, by other models
    with pytest.raises(ConsentError, match=r"revoked|ended"):
        authorise(photo, ledger=ledger, model=bound(made))
    with pytest.raises(ConsentError):
        leave.recheck()
    with pytest.raises(ConsentError, match=first.id):
        bound(made).check_standing(ledger)


def test_a_pipeline_asks_before_it_loads(made: Path, ledger: Ledger, tmp_path: Path) -> None:
    assert Pipeline(str(made), ledger=ledger).bound == replace(bound(made), name=str(made))
    with pytest.raises(ConsentError, match="does not hold"):
        Pipeline(str(made), ledger=Ledger(tmp_path / "another"))
    ledger.revoke(ledger.consents()[0].consent.id)
    with pytest.raises(ConsentError, match="ends its use"):
        Pipeline(str(made), ledger=ledger)


def test_nothing_else_loads_it(made: Path, tiny_checkpoint: Path) -> None:
    with pytest.raises(ConsentError, match="bound to one person"):
        load_model(made)
    load_model(tiny_checkpoint)


def test_a_changed_file_is_refused(made: Path, ledger: Ledger, tmp_path: Path) -> None:
    with open_checkpoint(made) as file:
        header, tensors = file.header, file.tensors()
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, {key: torch.zeros_like(value) for key, value in tensors.items()}, header)
    with pytest.raises(ConsentError, match="not as it was made"):
        Pipeline(str(other), ledger=ledger)
    save_checkpoint(other, tensors, replace(header, binding={"id": header.binding["id"]}))
    with pytest.raises(ConsentError, match="does not know"):
        Pipeline(str(other), ledger=ledger)


def test_the_file_tells_a_stranger_nothing(made: Path, ledger: Ledger, leave: Authorisation) -> None:
    data = made.read_bytes()
    photo = leave.consent.photo
    for secret in (leave.consent.id, photo.bytes_sha256, photo.pixels_sha256, leave.consent.terms.subject):
        assert secret.encode() not in data
    output = Registry(ledger).show(bound(made).id)
    assert (output.state, output.consent, output.model) == ("released", leave.consent.id, "base")


def test_only_leave_to_train_makes_one(
    bind: Callable[[Path, Authorisation], Path], ledger: Ledger, photo: bytes, leave: Authorisation, tmp_path: Path
) -> None:
    with pytest.raises(ConsentError, match="purpose='train'"):
        bind(tmp_path / "x.safetensors", authorise(photo, ledger=ledger))
    ledger.revoke(leave.consent.id)
    with pytest.raises(ConsentError, match="revoked"):
        bind(tmp_path / "x.safetensors", leave)
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, OSError])
def test_an_interrupted_one_leaves_nothing(
    leave: Authorisation, ledger: Ledger, tmp_path: Path, failure: type[BaseException]
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    begun = reserve_model(folder / "x.safetensors", leave, [], clips="", model="", settings="", force=False)
    with pytest.raises(failure), begun as draft:  # noqa: PT012 - the block is what is interrupted
        draft.partial.write_bytes(b"half")
        raise failure
    assert list(folder.iterdir()) == []
    assert [output.state for output in Registry(ledger).outputs()] == ["failed"]


def test_it_overwrites_nothing_unasked(bind: Callable[[Path, Authorisation], Path], leave: Authorisation, made: Path):
    before = made.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        bind(made, leave)
    assert made.read_bytes() == before
