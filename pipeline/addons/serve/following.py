"""The champion, as `python -m pipeline registry` has brought it to `.champion/`, and the next one without a restart."""

import asyncio
from pathlib import Path

from pipeline.addons.registry import folder
from pipeline.addons.serve import model
from pipeline.addons.serve.batching import Batcher
from pipeline.addons.serve.watching import log
from pipeline.base.errors import InputError
from pipeline.tracking import location

PAUSE = 1  # seconds between two looks at which version is the champion
PATIENCE = 60  # seconds until a champion that cannot be served is looked at again


def first(dataset: str) -> Path:
    """Return the folder of a dataset's champion; raise `InputError` where there is none."""
    root = folder.root(location.repository(), dataset)
    if found := folder.pointed(root):
        return found
    raise InputError(f"{root} has no champion: `python -m pipeline registry promote` makes one, `fetch` brings it here")


async def follow(batcher: Batcher, dataset: str) -> None:
    """Give a batcher each new champion, for ever."""
    pause = PAUSE
    while True:
        await asyncio.sleep(pause)
        pause = PAUSE
        try:
            await asyncio.to_thread(look, batcher, dataset)
        except Exception as error:  # whatever it is, a later look may do better
            log(error=f"{type(error).__name__}: {error}")
            pause = PATIENCE


def look(batcher: Batcher, dataset: str) -> None:
    """Give a batcher the champion unless it has it; raise `InputError` for one that cannot be served."""
    root, served = folder.root(location.repository(), dataset), batcher.model
    found = folder.pointed(root)
    if found and found != folder.place(root, served.version, served.about["fingerprint"]):
        batcher.model = model.load(found)
        log(serving=batcher.model.description)
