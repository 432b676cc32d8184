"""One kind of error for what a person can put right, and how every command ends on it."""

import ctypes
import difflib
import errno
import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class InputError(Exception):
    """Something the person gave is wrong; the message is one line: the thing, the value, the remedy."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: everything ends as on Ctrl-C."""


def arguments(names: str) -> list[str]:
    """Return the command line's arguments; raise `InputError` unless there is one for each of `names`."""
    given = sys.argv[1:]
    if len(given) != len(names.split()):
        raise InputError(f"{len(given)} arguments were given, these are needed: {names}")
    return given


def run(main: Callable[[], None]) -> None:
    """Call `main` and exit: 2 with one line for an `InputError` or a full disk, 130 for Ctrl-C, 143 for SIGTERM.

    Anything else is a defect of ours and keeps its traceback.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except InputError as error:
        sys.exit(_say(str(error), 2))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(_say(f"the disk is full, writing {error.filename or 'an output'}: free some room and run again", 2))
    except Terminated:
        sys.exit(_say("terminated", 143))
    except KeyboardInterrupt:
        sys.exit(_say("interrupted", 130))
    finally:
        gc.freeze()  # or Python's last collection looks at each of TensorFlow's million objects, for a second or two


def unknown_key(name: str, known: Iterable[str]) -> str:
    """Say that `name` is not one of `known`, with the nearest of them first."""
    nearest = difflib.get_close_matches(name, known := list(known), n=1)
    return f"{name} is unknown; {f'did you mean {nearest[0]}? ' if nearest else ''}allowed: {', '.join(known)}"


def short(value: Any) -> str:
    """Show a value in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _terminate(*_: object) -> None:
    raise Terminated


@contextmanager
def interrupts_held_back() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and SIGTERM wait until the yielded function is called or the block ends; a second one acts at once.

    An exception that a signal raises just anywhere is lost in a `__del__`, where Python prints and forgets it, and
    becomes another error inside TensorFlow; a training would go on, or fail, instead of being interrupted.
    """
    if threading.current_thread() is not threading.main_thread():  # which gets no signal
        yield lambda: None
        return
    waiting: list[int] = []

    def hold(number: int, _: object) -> None:
        waiting.append(number)
        for each, handler in handlers.items():
            signal.signal(each, handler)

    def raise_if_interrupted() -> None:
        if waiting:
            signal.raise_signal(waiting[0])

    handlers: dict[int, Any] = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield raise_if_interrupted
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    raise_if_interrupted()


def end_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent dies, so that no stage works on unseen once `dvc` was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG


def _say(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr, flush=True)
    return code
