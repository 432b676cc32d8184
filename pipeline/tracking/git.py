"""Asks git."""

import subprocess

from pipeline.base.errors import InputError


def ask(*arguments: str) -> str:
    """Return what `git` with these arguments prints; raise `InputError` with its last line where it refuses."""
    try:
        done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)  # noqa: S603, S607
    except OSError as error:
        raise InputError(f"git cannot be run ({error.strerror}), and revisions are its own: install it") from None
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise InputError(f"git {' '.join(arguments)}: {last or f'exit code {done.returncode}'}")
    return done.stdout.strip()
