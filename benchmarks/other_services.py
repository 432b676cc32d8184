"""The same network behind other servers: `python benchmarks/other_services.py NAME PORT FOLDER`.

Each runs in an environment of its own, whose packages `benchmarks.serving` names; FOLDER holds `model.tflite` and
`model/`, as mlflow saves models. All take `{"inputs": [image, ...]}`.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
ABOUT = {"version": "1"}


def before(port: int, folder: Path) -> None:
    """Serve as this project did at first: mlflow's scoring server behind a check; the path has that commit's code."""
    import mlflow
    import uvicorn
    from mlflow.pyfunc import scoring_server

    serve = importlib.import_module("pipeline.serve")

    model = mlflow.pyfunc.load_model(str(folder / "model"))
    checked: Any = serve.Checked(scoring_server.init(model), (28, 28, 1), ABOUT)
    uvicorn.run(checked, host=HOST, port=port)


def litserve(port: int, folder: Path) -> None:
    """Serve by LitServe, requests of one image batched."""
    import litserve

    from benchmarks.behind_litserve import Api

    server = litserve.LitServer(Api(folder), accelerator="cpu")
    server.run(host=HOST, port=port, log_level="warning", generate_client_file=False)


def bentoml(port: int, folder: Path) -> None:
    """Serve by BentoML; images are one argument, and its JSON the same."""
    import os

    os.environ |= {"FOLDER": str(folder), "BENTOML_DO_NOT_TRACK": "true"}
    command = ["bentoml", "serve", "benchmarks.behind_bentoml:Classifier", "--host", HOST, "--port", str(port)]
    os.execv(Path(sys.executable).with_name("bentoml"), command)


def ray_serve(port: int, folder: Path) -> None:
    """Serve by Ray Serve, requests batched."""
    import os
    import time

    os.environ["RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"] = "60"  # of 5, which a busy machine passes

    import numpy as np
    import ray
    from ray import serve

    from benchmarks.served import TOGETHER, load

    @serve.deployment(max_ongoing_requests=256)
    class Classifier:
        def __init__(self) -> None:
            self.network = load(folder)

        @serve.batch(max_batch_size=TOGETHER, batch_wait_timeout_s=0.001)
        async def predict(self, images: list[Any]) -> list[Any]:
            counts = np.cumsum([len(one) for one in images])[:-1]
            return list(np.split(self.network(np.concatenate(images)), counts))

        async def __call__(self, request: Any) -> Any:
            images = np.asarray((await request.json())["inputs"], np.uint8)
            return {"predictions": (await self.predict(images)).tolist()}

    ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=10**8, log_to_driver=False)
    serve.start(http_options={"host": HOST, "port": port})
    serve.run(Classifier.bind(), route_prefix="/invocations")  # type: ignore[attr-defined]
    while True:
        time.sleep(60)


SERVICES = {"before": before, "LitServe": litserve, "BentoML": bentoml, "Ray Serve": ray_serve}

if __name__ == "__main__":
    SERVICES[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
