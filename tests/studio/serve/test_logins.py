"""Passwords cannot be guessed in bulk."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fomm.studio.app import Serving
from fomm.studio.serve.answers import RefusedError
from fomm.studio.serve.logins import Logins

RIGHT = {"username": "ada", "password": "secret"}
WRONG = {"username": "ada", "password": "guess"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_forty_guesses_at_once_are_mostly_not_judged(locked):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: locked.post("/login", data=WRONG).status_code, range(40)))
    assert found.count(400) <= 6
    assert found.count(429) >= 34
    refused = locked.post("/login/", data=RIGHT)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1


def test_who_mistypes_and_then_knows_the_password_is_let_in(locked):
    assert [locked.post("/login", data=WRONG).status_code for _ in range(3)] == [400] * 3
    assert locked.post("/login", data=RIGHT).status_code == 200
    assert locked.get("/config").status_code == 200
    assert [locked.post("/login", data=WRONG).status_code for _ in range(4)] == [400] * 4


def test_each_wait_is_longer_and_ends():
    clock = Clock()
    logins, waits = Logins(clock), []
    for _ in range(5):
        logins.begin("a")
    for _ in range(12):
        with pytest.raises(RefusedError, match="Too many wrong logins") as refused:
            logins.begin("a")
        waits.append(int(refused.value.headers["Retry-After"]))
        clock.now += waits[-1]
        logins.begin("a")
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert waits[-1] == 300
    logins.begin("b")  # nobody else waits
    clock.now += 4000
    for _ in range(5):
        logins.begin("a")


def test_many_addresses_together_are_slowed_down_too():
    clock, logins, judged = Clock(), None, 0
    logins = Logins(clock)
    for number in range(1000):
        try:
            logins.begin(str(number))
            judged += 1
        except RefusedError:
            pass
    assert judged == 60
    clock.now += 10
    logins.begin("later")


def test_without_a_login_there_is_nothing_to_guess(serve):
    assert serve(Serving(port=0)).post("/login", data=WRONG).status_code == 302
