"""Asks git."""

import subprocess

from pipeline.base.errors import InputError


def ask(*arguments: str) -> str:
    """Return what `git` with these arguments prints; raise `InputError` with its last line where it refuses."""
    try:
        done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)  # noqa: S603, S607
    except OSError:
        raise InputError("git is not installed, and revisions are its own: install it") from None
    if done.returncode:
        raise InputError(f"git {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()
