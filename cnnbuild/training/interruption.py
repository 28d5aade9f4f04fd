"""Asking a run to stop: a signal is noted, and obeyed when the step it falls into is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from cnnbuild.errors import RunInterruptedError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LEFT_ALONE = (signal.SIG_IGN, None)  # ignored on purpose, as by nohup; None: handled outside Python


@dataclass(slots=True)
class StopRequest:
    """The signal that asked a run to stop; 0 while none did."""

    signal_number: int = 0
    _holds_back: bool = False
    _asked_again: bool = False

    def note(self, signal_number: int, frame: FrameType | None) -> None:
        """Keep the signal; a second one does not wait for the step.

        Raises:
            KeyboardInterrupt: the run had been asked before.
        """
        del frame
        if not self.signal_number:
            self.signal_number = signal_number
        elif self._holds_back:
            self._asked_again = True
        else:
            raise KeyboardInterrupt

    @contextmanager
    def hold_back(self) -> Iterator[None]:
        """Within it a second signal waits: a screen that is cut off in the middle of a line shows it twice.

        Raises:
            KeyboardInterrupt: at the end, where one came.
        """
        self._holds_back = True
        try:
            yield
        finally:
            self._holds_back = False
        if self._asked_again:
            raise KeyboardInterrupt


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Within it, SIGTERM and Ctrl-C are noted instead of ending the process.

    A signal that was noted and not obeyed with a `RunInterruptedError` is sent again at the end. What ignored
    a signal goes on ignoring it. Python hands signals to the main thread alone; in another one nothing is
    noted.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in handlers.items() if handler not in _LEFT_ALONE}
    try:
        for number in before:
            signal.signal(number, request.note)
        yield request
    except RunInterruptedError:
        request.signal_number = 0
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if request.signal_number:
            signal.raise_signal(request.signal_number)
