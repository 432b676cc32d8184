"""Show MLflow's runs in a browser: `python -m pipeline ui`, as `make ui` does.

Prints an address for each dataset, then serves the store on port 5000, or on the one that the variable UI_PORT names.
A store that is a server already, by MLFLOW_TRACKING_URI, only has its addresses printed.
"""

import argparse
import os
import sys

from pipeline.addons.ports import ports
from pipeline.tracking import location


def main() -> None:
    """Serve until interrupted."""
    argparse.ArgumentParser(
        "python -m pipeline ui", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    store, port = location.address(), os.environ.get("UI_PORT") or "5000"
    served = store.startswith("http")
    if not served:
        ports.require_free(port, "name another, as in `make ui PORT=5055`")
    from pipeline.addons.ui import views  # here, for it imports mlflow: a port that is taken is told at once
    from pipeline.tracking import server

    with server.errors_in_one_line():
        print(views.addresses(store if served else f"http://{ports.HOST}:{port}"), flush=True)
    if not served:
        places = ["--backend-store-uri", store, "--artifacts-destination", str(location.repository() / "mlartifacts")]
        command = ["-m", "mlflow", "server", "--host", ports.HOST, "--port", port, "--workers", "1", *places]
        os.execv(sys.executable, [sys.executable, *command])  # noqa: S606  # Ctrl-C then is mlflow's own
