"""What the doors say when they let nobody in: one sentence, as JSON, with the status that fits."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse


class RefusedError(Exception):
    """A request that goes no further.

    Args:
        status: of the answer.
        sentence: why, and what to do.
        headers: to send with it.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, headers

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        body = {"error": str(self), "detail": str(self)}  # Gradio's clients read the second
        await JSONResponse(body, status_code=self.status, headers=self.headers)(scope, receive, send)


def address_of(scope: Any) -> str:
    """Return who asks, as far as the network tells; of IPv6 the half that a household or a machine has."""
    host = str((scope.get("client") or ("",))[0])
    return ":".join(host.split(":")[:4]) if host.count(":") > 1 and not host.startswith("::") else host
