"""The service under load for long: `python -m benchmarks.soak [MINUTES]`, with a model promoted every minute.

Three quarters of the greatest load, from good clients whose every answer is checked; beside them clients that send what
is malformed, dawdle, or hang up amid a request. Prints a line a minute: requests, wrong answers, memory.
"""

import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import load, serving
from benchmarks.processes import alone
from benchmarks.servers import free_port
from pipeline.addons.registry import folder as version_folder
from pipeline.addons.runtimes.litert import Network
from pipeline.base import files
from pipeline.config import loading

CLIENTS, IMAGES, SHARE, WARM = 8, 64, 0.75, 5
BAD = [b"", b"[]", b'{"inputs": [[[[256]]]]}', b"PK" * 99, b"[" * 9999, bytes(5_000_000)]
TYPES = ["application/json", "image/png", "application/octet-stream", "multipart/form-data", "x"]


class Soak:
    """What has been seen, and what is right."""

    def __init__(self, port: int, images: np.ndarray, networks: dict[str, Network]) -> None:
        self.port, self.seen, self.times = port, Counter[str](), list[float]()
        self.requests = [serving.requests(images[at : at + 1])["JSON"] for at in range(len(images))]
        self.right = {version: network.predict(images) for version, network in networks.items()}

    async def good(self, pause: float, end: float) -> None:
        """Ask again and again over one connection, so many a second, and check each answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        due = time.monotonic() + random.random() * pause
        while due < end:
            await asyncio.sleep(max(0, due - time.monotonic()))
            due += pause
            index, began = random.randrange(len(self.requests)), time.perf_counter()
            writer.write(self.requests[index])
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))  # type: ignore[index]
            self.times.append(time.perf_counter() - began)
            self._check(index, head, body)
        writer.close()

    def _check(self, index: int, head: bytes, body: bytes) -> None:
        self.seen["good"] += 1
        if not head.startswith(b"HTTP/1.1 200"):
            self.seen["lost"] += 1
            return
        version = re.search(rb"(?i)model-version: (\S+)", head)[1].decode()  # type: ignore[index]
        self.seen[f"version {version}"] += 1
        error = np.abs(np.array(json.loads(body)["predictions"][0]) - self.right[version][index]).max()
        self.seen["wrong"] += bool(error > 1e-5)

    async def malformed(self, end: float) -> None:
        """Send what is to be refused, and see that it is."""
        while time.monotonic() < end:
            kind, body = random.choice(TYPES), random.choice([*BAD, random.randbytes(99)])
            status = await self._once(load.request("/invocations", body, kind, Shape="1,28,28,1"))
            self.seen["malformed"] += 1
            self.seen["malformed, not 4xx"] += not status.startswith(b"HTTP/1.1 4")
            await asyncio.sleep(0.05)

    async def unsteady(self, end: float) -> None:
        """Begin requests slowly, or hang up amid them."""
        while time.monotonic() < end:
            request, hang_up = random.choice(self.requests), random.random() < 0.7
            cut = random.randrange(1, len(request))
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request[:cut])
            await asyncio.sleep(0.02 if hang_up else 3)
            self.seen["hung up" if hang_up else "slow"] += 1
            writer.transport.abort() if hang_up else writer.close()

    async def _once(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await reader.readline()
        except ConnectionError:
            return b"cut off"
        finally:
            writer.close()


async def soak(seen: Soak, minutes: float, rate: float, promote: Callable[[int], None], process: Any) -> None:
    """Load the service for so many minutes, and print a line for each."""
    end = time.monotonic() + minutes * 60
    clients = [seen.good(CLIENTS / rate, end) for _ in range(CLIENTS)]
    clients += [seen.malformed(end), *(seen.unsteady(end) for _ in range(8))]
    tasks = [asyncio.create_task(client) for client in clients]
    print("| minute | good | lost | wrong | p50, ms | p99, ms | versions | malformed (not 4xx) | slow | hung up | MB |")
    print("|---|" + "---:|" * 10)
    for minute in range(1, round(minutes) + 1):
        before, seen.times[:] = Counter(seen.seen), []
        await asyncio.sleep(30)
        promote(minute)
        await asyncio.sleep(29)
        now = seen.seen - before
        median, slow = np.percentile(seen.times, [50, 99]) * 1000
        versions = ", ".join(f"{key.split()[1]}: {now[key]:,}" for key in sorted(now) if key.startswith("version"))
        print(
            f"| {minute} | {now['good']:,} | {now['lost']} | {now['wrong']} | {median:.2f} | {slow:.2f} | {versions} "
            f"| {now['malformed']:,} ({now['malformed, not 4xx']}) | {now['slow']} | {now['hung up']:,} "
            f"| {process.memory_info().rss / 1e6:.0f} |",
            flush=True,
        )
        await asyncio.sleep(max(0, end - (round(minutes) - minute) * 60 - time.monotonic()))
    await asyncio.gather(*tasks)


def main() -> None:
    """Serve two networks from a folder as the registry leaves it, and move between them."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory() as name:
        folder, port, params = Path(name), free_port(), Path("recipes/fast.yaml")
        files.write_bytes(folder / "params.yaml", params.read_bytes())
        root = version_folder.root(folder, loading.load(params).fetch.dataset_name)
        versions, networks = [], {}
        for version, network in zip("12", serving.NETWORKS, strict=True):
            alone(serving.prepare, folder / network, network)
            about = files.read_json(folder / network / version_folder.ABOUT) | {
                "version": version,
                "fingerprint": version * 12,
            }
            content = (folder / network / version_folder.NETWORK).read_bytes()
            versions.append(version_folder.place(root, version, about["fingerprint"]))
            version_folder.write(versions[-1], content, about)
            networks[version] = Network(content)
        images = np.load(folder / network / "images.npy")[:IMAGES]

        def promote(number: int) -> None:
            version_folder.point(root, versions[number % 2])

        promote(0)
        command = [sys.executable, "-m", "pipeline", "serve", str(port)]
        with serving.started(command, folder, PYTHONPATH=str(Path.cwd())) as process:
            seen = Soak(port, images, networks)
            serving.first(process, port, seen.requests[0])
            rate = SHARE * alone(load.ask, port, seen.requests[0], 64, WARM).rate
            print(
                f"{rate:,.0f} requests a second, {SHARE:.0%} of the greatest load with the slower network", flush=True
            )
            asyncio.run(soak(seen, minutes, rate, promote, process))
            print(dict(seen.seen), flush=True)


if __name__ == "__main__":
    main()
