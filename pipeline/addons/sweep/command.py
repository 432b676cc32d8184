"""Run a sweep of trials: `python -m pipeline sweep sweeps/filters.yaml`; killed and started again, it goes on.

With --apply, it writes the best trial, or the one of a number, as a model into params.yaml instead.
"""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

import optuna

from pipeline.addons.ray import connection
from pipeline.addons.sweep import applying, plan, report, train, trials
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.train import Job
from pipeline.addons.sweep.trials import RUNNING
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


def run(planned: Plan, study: optuna.Study) -> None:
    """Run all trials, print a line for each, and report on them, on the terminal, in a file and in MLflow."""
    with connection.connected() if connection.wanted(planned.sweep.at_once) else contextlib.nullcontext() as ray:
        from pipeline.tracking import journals, sending  # here: MLflow takes seconds

        described = plan.described(planned)
        with sending.in_background() as send, journals.opened(described, recorded=False) as journal:
            journal.save_state({})  # so that the run is gone on with
            jobs = left(planned, study, journal.training)
            here = ((job, train.train(job, after_epoch=send)) for job in jobs)
            for job, outcome in train.by_ray(ray, jobs, planned.sweep.at_once) if ray else here:
                trials.tell(planned, study, job.trial.number, outcome)
                print(report.line(planned, study, study.trials[job.trial.number]), flush=True)
                for best in trials.ranked(study)[:1]:
                    journal.log_metrics({"best": best.user_attrs["scores"]})
                send()
            table, file = report.table(planned, study), trials.folder(planned.name) / "trials.csv"
            tables.write_csv(file, table)
            journal.attach({file.name: file})
    print(f"\n{tables.for_terminal(table)}\n\n{file} has it too")


def left(planned: Plan, study: optuna.Study, sweep_run: str) -> Iterator[Job]:
    """Yield the trials to train: those that were broken off, then new ones, each when it is asked for."""
    for trial in study.get_trials(states=(RUNNING,)):
        yield Job(planned, trial, trials.ended(study), sweep_run)
    while len(study.trials) < planned.sweep.trials and (new := trials.ask(planned, study)):
        yield Job(planned, new, trials.ended(study), sweep_run)
