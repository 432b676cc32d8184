import shutil
from pathlib import Path

import pytest

from pipeline.addons.registry.candidate import Refused
from pipeline.base import files
from pipeline.base.errors import InputError
from tests.finished import IMAGES, Finished, aliases, network, promote, versions


def test_without_a_validation_part_the_best_of_several_has_to_be_named(finished: Finished) -> None:
    for name in ("baseline", "vgg"):
        finished.train(name, network(47), validation=None)
    with pytest.raises(InputError, match=r"validation_fraction is 0, .*: give --model baseline-42, or another"):
        promote()
    assert promote("vgg").startswith("champion: digits version 1: vgg")


def test_best_is_by_validation_among_those_that_pass_the_gate(finished: Finished) -> None:
    finished.train("baseline", network(49), validation=90)
    finished.train("vgg", network(46), validation=95)  # less good on test, which does not choose
    finished.train("vgg_augmented", network(44), validation=99)  # 0.88, below the floor of 0.9
    assert "vgg, test accuracy 0.9200" in promote()


def test_a_model_that_fails_the_gate_is_refused_by_name_of_the_floor_unless_forced(finished: Finished) -> None:
    finished.train("vgg", network(44))
    with pytest.raises(Refused, match=r"the gate fails: vgg-42 test\.accuracy 0\.8800 < 0\.9000"):
        promote("vgg")
    with pytest.raises(Refused, match=r"the gate fails: vgg-42 test\.accuracy 0\.8800 < 0\.9000"):
        promote()
    assert not versions()
    assert promote(force=True) == "champion: digits version 1: vgg, test accuracy 0.8800"


def test_a_limit_on_all_seeds_together_is_none_of_a_candidates(finished: Finished) -> None:
    before = Path("params.yaml").read_text()
    asked = before.replace("seeds: [42]", "seeds: [42, 43]") + "  vgg: {at_least: {together: {accuracy: 0.99}}}\n"
    Path("params.yaml").write_text(asked)
    finished.train("vgg", network(47))
    assert promote("vgg").startswith("champion: digits version 1: vgg")


def test_a_limit_on_a_class_holds_a_candidate(finished: Finished) -> None:
    before = Path("params.yaml").read_text()
    finished.train("vgg", network(47))
    for limit, passes in ((1.01, False), (0.0, True)):
        asked = f"  vgg: {{at_least: {{test: {{recall: {{two: {limit}}}}}}}}}\n"
        Path("params.yaml").write_text(before + asked)
        if passes:
            assert promote("vgg").startswith("champion: digits version 1: vgg")
        else:
            with pytest.raises(Refused, match=r"the gate fails: vgg-42 test\.recall\.two "):
                promote("vgg")


def test_only_a_model_better_beyond_noise_replaces_the_champion(finished: Finished) -> None:
    finished.train("baseline", network(45))
    promote()
    finished.train("vgg", network(46))  # 4 images more, none less: p = 2 / 2^4
    with pytest.raises(Refused) as refusal:
        promote("vgg")
    for part in ("vgg-42 is not better than the champion (baseline, version 1)", "accuracy 0.9200 against 0.9000"):
        assert part in str(refusal.value)
    assert "4 images only vgg-42 gets right, 0 only the champion, p = 0.12" in str(refusal.value)
    assert aliases() == {"champion": "1"}
    finished.train("vgg", network(47))  # 8 images: p = 0.008
    assert promote("vgg") == "champion: digits version 2: vgg, test accuracy 0.9400 (before: version 1, baseline)"
    assert aliases() == {"champion": "2", "previous": "1"}
    with pytest.raises(Refused, match=r"accuracy 0\.9000 against 0\.9400, 0 images only baseline-42 gets right, 8 o"):
        promote("baseline")  # significantly different, but worse
    promote("baseline", force=True)
    assert aliases() == {"champion": "1", "previous": "2"}
    assert len(versions()) == 2


def test_a_champion_of_another_test_split_is_no_measure(finished: Finished) -> None:
    finished.train("baseline", network(45))
    promote()
    other = Finished(finished.folder, IMAGES[::-1], finished.labels[::-1])
    other.train("vgg", network(50))
    with pytest.raises(Refused, match="was tested on another test split"):
        promote("vgg")
    assert "version 2: vgg" in promote("vgg", force=True)


@pytest.mark.parametrize("stale", ["data/prepared/test", "data/evaluations/vgg-42.npz", "models/vgg-42.keras"])
def test_an_evaluation_of_something_else_is_no_evidence(finished: Finished, stale: str) -> None:
    finished.train("vgg", network(47))
    finished.train("baseline", network(40))
    file = Path(stale) / "labels.npy" if Path(stale).is_dir() else Path(stale)
    shutil.copy("models/baseline-42.keras" if stale.startswith("models") else "data/evaluations/baseline-42.npz", file)
    with pytest.raises(InputError, match=f"{stale} changed since vgg-42 was evaluated: run `dvc repro`"):
        promote("vgg", force=True)
    Path(stale).rename("elsewhere")
    with pytest.raises(InputError, match=rf"{stale} is missing: `dvc repro` makes it"):
        promote("vgg", force=True)


def test_a_model_of_other_params_than_the_present_is_not_promoted(finished: Finished) -> None:
    finished.train("vgg", network(47))
    before = Path("params.yaml").read_text()
    Path("params.yaml").write_text(before.replace("epochs: 5", "epochs: 6"))
    with pytest.raises(InputError) as error:
        promote("vgg", force=True)
    assert str(error.value) == "params.yaml:train changed since vgg-42 was evaluated: run `dvc repro`"
    Path("params.yaml").write_text(f"# a comment\n{before}")
    assert promote().startswith("champion: digits version 1: vgg")


def test_a_model_trained_again_and_not_evaluated_is_refused(finished: Finished) -> None:
    finished.train("vgg", network(47))
    lock = files.read_yaml(Path("dvc.lock"))
    lock["stages"]["train@vgg-42"]["outs"][0]["md5"] = "0" * 32
    files.write_json(Path("dvc.lock"), lock)
    with pytest.raises(InputError, match=r"models/vgg-42\.keras changed since vgg-42 was evaluated"):
        promote("vgg", force=True)
