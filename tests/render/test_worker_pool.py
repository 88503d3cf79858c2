"""The worker pool: results in order, work side by side, no further ahead than there are workers, failures in place."""

import threading

import pytest
import torch

from fomm.render.worker_pool import WorkerPool


@pytest.fixture
def threads():
    """Let PyTorch have as many threads as a machine of six cores would give it."""
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    yield 6
    torch.set_num_threads(before)


def threads_elsewhere():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


def test_results_come_whole_and_in_order():
    workers = WorkerPool(3, 1)
    assert list(workers.map(lambda number: number * number, range(20))) == [number * number for number in range(20)]
    assert list(workers.map(str, [])) == []


def test_pieces_are_made_side_by_side():
    meeting = threading.Barrier(2)
    assert sorted(WorkerPool(2, 1).map(lambda _: meeting.wait(10), range(2))) == [0, 1]


def test_no_more_is_begun_than_the_lanes_can_make_while_the_caller_works():
    asked = []

    def items():
        for number in range(9):
            asked.append(number)
            yield number

    running = WorkerPool(2, 1).map(lambda number: number, items())
    assert next(running) == 0
    assert asked == [0, 1, 2]
    running.close()
    assert asked == [0, 1, 2]


def test_a_failure_is_raised_where_its_result_would_come():
    def half(number):
        if number == 2:
            raise ValueError("two cannot be halved")
        return number / 2

    running = WorkerPool(2, 1).map(half, range(5))
    assert [next(running), next(running)] == [0, 0.5]
    with pytest.raises(ValueError, match="two cannot be halved"):
        next(running)


def test_closing_waits_for_what_is_being_made():
    begun, ended = threading.Event(), []

    def slow(number):
        if number:
            begun.set()
            threading.Event().wait(0.2)
        ended.append(number)

    running = WorkerPool(1, 1).map(slow, range(5))
    next(running)
    assert begun.wait(10)
    running.close()
    assert ended == [0, 1]


def test_a_lane_has_its_share_of_the_threads_and_nobody_else_has_fewer(threads):
    workers = WorkerPool(3, 2)
    assert set(workers.map(lambda _: torch.get_num_threads(), range(12))) == {2}
    assert torch.get_num_threads() == threads
    assert threads_elsewhere() == threads


def test_one_piece_is_made_in_a_lane(threads):
    workers = WorkerPool.halves()
    assert workers.run(lambda number: (number, torch.get_num_threads()), 7) == (7, threads // 2)


def test_the_lanes_of_a_cpu_share_its_threads_out(threads):
    workers = WorkerPool.for_cpu()
    shares = list(workers.map(lambda _: torch.get_num_threads(), range(12)))
    assert workers.count * shares[0] <= threads
    assert workers.count > 1
