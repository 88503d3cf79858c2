"""Items come in order, one is made while the caller works, and failures and early ends leave nothing running."""

import threading

import pytest

from fomm.render.ahead import one_ahead


def test_items_come_whole_and_in_order():
    assert list(one_ahead(iter(range(7)))) == list(range(7))
    assert list(one_ahead(iter(()))) == []


def test_the_next_item_is_made_while_the_caller_works_and_no_more_than_one():
    made, second = [], threading.Event()

    def items():
        for number in range(9):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    running = one_ahead(items())
    assert next(running) == 0
    assert second.wait(10)
    assert made == [0, 1]
    running.close()


def test_a_failure_is_raised_where_its_item_would_come():
    def items():
        yield "first"
        raise ValueError("no second")

    running = one_ahead(items())
    assert next(running) == "first"
    with pytest.raises(ValueError, match="no second"):
        next(running)


def test_a_caller_that_stops_early_leaves_no_thread():
    running = one_ahead(iter(range(100)))
    next(running)
    running.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
