"""The list of mutations fits the code: what each changes is still there, once, and so are the tests that catch it."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    if not (FOLDER / "mutations.py").exists():
        pytest.skip("the benchmarks are not part of an installed package")
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("mutations")
    for name in ("mutations", "mutation_list"):
        sys.modules.pop(name)


def test_every_mutation_changes_one_place_of_its_file_into_other_code(script):
    assert len(script.MUTATIONS) >= 14
    for mutation in script.MUTATIONS:
        before = (ROOT / mutation.file).read_text(encoding="utf-8")
        assert before.count(mutation.old) == 1, mutation.name
        after = script.mutated(mutation, ROOT)
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before)), mutation.name


def test_every_mutation_has_a_name_of_its_own_and_tests_that_exist(script):
    names = [mutation.name for mutation in script.MUTATIONS]
    assert len(set(names)) == len(names)
    for mutation in script.MUTATIONS:
        assert mutation.tests, mutation.name
        assert all((ROOT / test).is_file() for test in mutation.tests), mutation.name


def test_an_old_text_that_is_gone_or_not_alone_is_told(script, tmp_path):
    file = tmp_path / "room.py"
    mutation = script.Mutation("gone", "room.py", "call()", "pass", ("tests/test_room.py",))
    for text, times in (("pass\n", 0), ("call()\ncall()\n", 2)):
        file.write_text(text)
        with pytest.raises(SystemExit, match=rf"gone: room\.py has the old text {times} times"):
            script.mutated(mutation, tmp_path)


@pytest.fixture
def few_plugins(monkeypatch):
    """Start pytest, in a process of its own, without plugins that only cost time here."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.mark.usefixtures("few_plugins")
@pytest.mark.parametrize(("checks", "result"), [("value == 2", "caught"), ("value > 0", "SURVIVED")])
def test_a_mutation_is_caught_where_a_test_fails_and_undone_afterwards(script, tmp_path, checks, result):
    (tmp_path / "room.py").write_text("value = 1 + 1\n")
    (tmp_path / "test_room.py").write_text(f"from room import value\n\ndef test_value():\n    assert {checks}\n")
    mutation = script.Mutation("sum", "room.py", " + 1", "", ("test_room.py",))
    assert script.try_out(mutation, tmp_path) == result
    assert (tmp_path / "room.py").read_text() == "value = 1 + 1\n"


@pytest.mark.usefixtures("few_plugins")
def test_a_mutation_that_keeps_tests_from_beginning_is_not_caught(script, tmp_path):
    (tmp_path / "room.py").write_text("value = 1\n")
    (tmp_path / "test_room.py").write_text("from room import value\n\ndef test_value():\n    assert value == 1\n")
    mutation = script.Mutation("typo", "room.py", "value", "other", ("test_room.py",))
    assert script.try_out(mutation, tmp_path) == "BROKEN"
