"""Run a sweep of trials: `python -m pipeline sweep sweeps/filters.yaml`; killed and started again, it goes on.

With --apply, it writes the best trial, or the one of a number, as a model into params.yaml instead.
"""

import argparse
import contextlib
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from pipeline.addons.ray import connection
from pipeline.addons.sweep import applying, driver, plan, report, training, trials
from pipeline.base import tables


def main() -> None:
    """Run what is left of the sweep and report on it, or apply one of its trials."""
    parser = argparse.ArgumentParser(
        "python -m pipeline sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="one of sweeps/*.yaml: pipeline/addons/sweep/README.md")
    parser.add_argument(
        "--apply", metavar="TRIAL", type=int, nargs="?", const=-1, help="write it, or the best, into params.yaml"
    )
    given = parser.parse_args()
    planned = plan.load(given.file)
    with trials.opened(planned) as study:
        if given.apply is None:
            run(planned, study)
        else:
            print(applying.apply(planned, study, None if given.apply < 0 else given.apply))


def run(planned: plan.Plan, study: optuna.Study) -> None:
    """Run all trials, print a line for each, and report on them, on the terminal, in a folder and in MLflow."""
    dispersed = connection.wanted(planned.sweep.at_once)
    with driver.on_ray(planned.sweep.resources) if dispersed else contextlib.nullcontext() as on_ray:
        from pipeline.tracking import journals, sending  # here: MLflow takes seconds

        described = plan.described(planned)
        with sending.in_background() as send, journals.opened(described, recorded=False) as journal:

            def told(ended: FrozenTrial) -> None:
                print(report.line(planned, study, ended), flush=True)
                journal.save_state({"trials": np.array(len(study.trials))})  # so that the run is gone on with
                for best in trials.best(study)[:1]:
                    journal.log_metrics({"best": training.nested(best.user_attrs["scores"])})
                send()

            driver.run(planned, study, journal.training, on_ray or driver.here(send), told)
            made = report.write(planned, study, trials.folder(planned.name) / "report")
            journal.attach({path.name: path for path in made})
    wanted, found = planned.sweep.trials, len(study.trials)
    if wanted and not planned.sweep.minutes and found < wanted:
        print(f"the space has no more than {found} combinations that were found")
    print(f"\n{tables.for_terminal(report.table(planned, study))}\n\n{made[0]}")
