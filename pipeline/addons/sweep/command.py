"""Run a sweep of trials: `python -m pipeline sweep sweeps/filters.yaml`; killed and started again, it goes on.

With --apply, it writes the best trial, or the one of a number, as a model into params.yaml instead.
"""

import argparse
import contextlib
from pathlib import Path

import numpy as np

from pipeline.addons.ray import connection
from pipeline.addons.sweep import applying, driver, plan, report, training, trials, workers
from pipeline.addons.sweep.trials import Trial
from pipeline.base import tables
from pipeline.data import arrays
from pipeline.tracking import paths


def main() -> None:
    """Run what is left of the sweep and report on it, or apply one of its trials."""
    parser = argparse.ArgumentParser(
        "python -m pipeline sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="one of sweeps/*.yaml: docs/sweeps.md")
    parser.add_argument(
        "--apply", metavar="TRIAL", type=int, nargs="?", const=-1, help="write it, or the best, into params.yaml"
    )
    given = parser.parse_args()
    planned = plan.load(given.file)
    with trials.alone(planned.name):
        if given.apply is None:
            run(planned)
        else:
            print(applying.apply(planned, None if given.apply < 0 else given.apply))


def run(planned: plan.Plan) -> None:
    """Run all trials, print a line for each, and report on them, on the terminal, in a folder and in MLflow."""
    trials.read(planned.name, planned.identity)  # what is another sweep's is refused before anything is imported
    dispersed = connection.wanted(planned.sweep.at_once)
    with workers.on_ray(planned.sweep.resources) if dispersed else contextlib.nullcontext() as on_ray:
        from pipeline.tracking import journal, sending  # here: MLflow takes seconds

        dataset = sending.dataset(planned.params({}).fetch.dataset_name, paths.TRAIN, arrays.read(paths.TRAIN))
        described = plan.described(planned, dataset)
        with sending.in_background() as send, journal.opened(described, recorded=False) as record:

            def told(known: list[Trial], ended: Trial) -> None:
                print(report.line(planned, known, ended, *driver.left(planned, known)), flush=True)
                record.save_state({"trials": np.array(len(known))})  # so that the run is gone on with
                for best in trials.best(planned.sweep, known)[:1]:
                    record.log_scores({"best": training.nested(best.scores)})
                send()

            known = driver.run(planned, dataset, record.record.training, on_ray or workers.here(send), told)
            made = report.write(planned, known, trials.folder(planned.name) / "report")
            record.attach({path.name: path for path in made})
    if planned.sweep.trials and not planned.sweep.minutes and len(known) < planned.sweep.trials:
        print(f"the space has no more than {len(known)} combinations that were found")
    print(f"\n{tables.for_terminal(report.table(planned, known))}\n\n{made[0]}")
