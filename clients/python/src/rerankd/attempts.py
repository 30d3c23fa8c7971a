"""The attempts of one call, by either client."""

from __future__ import annotations

import time
from typing import Any, Optional

from .errors import CancelledError, RerankError, closed_during_call, error_details, error_of
from .messages import request_id_of
from .options import ClientOptions, seconds_or_none


class Attempts:
    """How many there were, and the time that is left for the next."""

    def __init__(self, options: ClientOptions, timeout: Optional[float]) -> None:
        """timeout: of this call, in seconds; None: that of the options."""
        self._retry = options.retry
        limit = seconds_or_none(options.timeout if timeout is None else timeout)
        self._deadline = None if limit is None else time.monotonic() + limit
        self._begun = 0

    def begin(self) -> Optional[float]:
        """One more; the seconds that it may take, None: any number."""
        self._begun += 1
        return self._remaining()

    def error(self, failure: Any) -> RerankError:
        """How the attempt failed: grpc.RpcError, which the blocking call raises as a finished grpc.Call, or AioRpcError."""
        return error_of(
            failure.code(),
            failure.details() or "",
            error_details(failure.trailing_metadata()),
            request_id_of(failure.trailing_metadata()),
            self._begun,
        )

    def closed(self) -> CancelledError:
        """What ends it when the client is closed meanwhile."""
        return closed_during_call(self._begun)

    def pause_after(self, error: RerankError) -> Optional[float]:
        """Seconds until the next; None: there is none."""
        return self._retry.pause_within(error.code, self._begun, error.retry_after, self._remaining())

    def _remaining(self) -> Optional[float]:
        return None if self._deadline is None else self._deadline - time.monotonic()
