# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from monai_boundary._bundle_folders import find_bundle
from monai_boundary.study import StudyMetric, StudyRun, read_study
from tests.benchmarks import study_em_membranes
from tests.study.pretend_bundle import study


def test_runs_are_the_grid_and_whole_seeds_come_first(bundle: Path) -> None:
    plan = read_study(study(bundle, seeds=[3, 1], folds=[0, 2]))
    runs = plan.runs()
    assert runs[:4] == [
        StudyRun("plain", 3, 0),
        StudyRun("good loss", 3, 0),
        StudyRun("same", 3, 0),
        StudyRun("plain", 3, 2),
    ]
    assert len(set(runs)) == 12
    assert runs[1].folder == "good_loss_seed3_fold0"
    assert read_study(study(bundle)).runs()[-1].folder == "same_seed2"


def test_overrides_of_a_run(bundle: Path, tmp_path: Path) -> None:
    common = {"epochs": 5, "dataset_dir": "{study_dir}/data", "train::x": ["{study_dir}", {"a": "b{study_dir}"}]}
    plan = read_study(study(bundle, common=common), epochs=7)
    root = str(tmp_path.resolve())
    assert plan.overrides(StudyRun("good loss", 2, None), tmp_path) == {
        "epochs": 7,
        "dataset_dir": f"{root}/data",
        "train::x": [root, {"a": f"b{root}"}],
        "effect": 0.2,
        "seed": 2,
        "output_dir": f"{root}/runs/good_loss_seed2",
    }
    assert plan.overrides(StudyRun("plain", 2, 4), tmp_path)["fold"] == 4


def test_arms_go_on_from_the_start_of_their_seed(bundle: Path, tmp_path: Path) -> None:
    plan = read_study(study(bundle, start={"epochs": 9}, seeds=[5]))
    (start,) = plan.starts()
    assert plan.overrides(start, tmp_path)["epochs"] == 9
    network = plan.overrides(StudyRun("same", 5, None), tmp_path)["init_checkpoint"]
    assert Path(network) == Path(plan.overrides(start, tmp_path)["output_dir"]) / "model.pt"
    assert read_study(study(bundle)).starts() == []


def test_metrics(bundle: Path) -> None:
    entries = {"dice": "higher", "x": {"better": "lower", "title": "X", "from": "evaluation/e.json::mean::x"}}
    assert read_study(study(bundle, metrics=entries, scores="best")).metrics == (
        StudyMetric("dice", "dice", False, "metrics.json::best::dice"),
        StudyMetric("x", "X", True, "evaluation/e.json::mean::x"),
    )


def test_a_file_finds_its_bundle_from_its_own_folder(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "studies" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(study(Path("../pretend"))))
    plan = read_study(file)
    assert plan.bundle == bundle.resolve()
    assert plan.config == ((bundle / "configs" / "train.yaml").resolve(),)


def test_a_bundle_that_comes_with_the_package_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command runs, as after an installation without a clone."""
    monkeypatch.chdir(tmp_path)
    plan = read_study(study(Path("wmh_mri_boundary"), arms={"plain": {}}))
    assert plan.bundle == find_bundle("wmh_mri_boundary").resolve()
    with pytest.raises(ValueError, match=r"or a bundle that comes with the package: .*, wmh_mri_boundary"):
        read_study(study(Path("wmh"), arms={"plain": {}}))


def test_a_part_of_a_study_keeps_the_base(bundle: Path) -> None:
    plan = read_study(study(bundle)).restricted(["same"], [7], [1])
    assert list(plan.arms) == ["plain", "same"]
    assert (plan.seeds, plan.folds) == ((7,), (1,))


@pytest.mark.parametrize("folds", [[0, 2], None])
def test_a_plan_is_read_again_from_what_it_says_of_itself(bundle: Path, folds: list[int] | None) -> None:
    plan = read_study(study(bundle, seeds=[3, 1], **({} if folds is None else {"folds": folds}), start={"epochs": 9}))
    said = json.loads(json.dumps(plan.as_dict()))
    assert (said["seeds"], said["folds"], said["start"]) == ([3, 1], folds, {"epochs": 9})
    assert read_study(said) == plan


def test_the_evaluation_s_options_may_be_given_too(bundle: Path) -> None:
    options = {"common": {"kind": "evaluate"}}
    assert read_study(study(bundle, evaluate="evaluate.yaml", **options)).common == options["common"]
    typed = read_study(study(bundle, evaluate="evaluate.yaml"), offset="2.5", dataset_dir="7").common
    assert typed == {"offset": 2.5, "dataset_dir": "7"}, "as on a command line"
    with pytest.raises(ValueError, match=r"`overrides` needs names of train\.yaml, got 'kind'"):
        read_study(study(bundle, **options))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arm": {}}, "`study` needs one of 'bundle', .*, got 'arm'"),
        ({"base": "plian"}, "`base` needs arms of the study, got 'plian'; did you mean 'plain'\\?"),
        (
            {"arms": {"plain": {"epoch": 3}}},
            "`overrides` needs names of train.yaml, got 'epoch'; did you mean 'epochs'",
        ),
        ({"common": {"seed": 3}}, "`overrides` needs other names than seed, fold, output_dir"),
        ({"arms": {"plain": {}, "a b": {}, "a_b": {}}}, "`arms` needs names that differ in letters and digits"),
        ({"arms": {"plain": {}, "start": {}}}, "are not 'start'"),
        ({"seeds": [1, 1]}, "`seeds` needs different integers, at least one, got \\[1, 1\\]"),
        ({"folds": []}, "`folds` needs different integers"),
        ({"seeds": None}, "`seeds` needs different integers, at least one, got None"),
        ({"folds": 1.5}, "`folds` needs different integers, at least one, got 1.5"),
        ({"metrics": {}}, "`metrics` needs at least one score"),
        ({"metrics": {"dice": "up"}}, "`metrics::dice::better` needs one of 'higher', 'lower', got 'up'"),
        ({"metrics": {"dice": {"better": "higher", "file": "x"}}}, "`metrics::dice` needs one of .*, got 'file'"),
        ({"scores": "first"}, "`scores` needs one of 'last', 'best', got 'first'"),
        ({"bundle": "nowhere"}, "`bundle` needs a folder with configs, found none at nowhere"),
        ({"evaluate": {"a b": {}}}, "`evaluate` needs names of letters, digits and _ other than config, got 'a b'"),
        ({"evaluate": {"config": {}, "b": {}}}, "`evaluate` needs names of .* other than config, got 'config'"),
        (
            {"evaluate": {"a": {"config": "train.yaml"}}},
            "`evaluate::a` needs a file with `evaluation_dir`, .* has none",
        ),
        ({"evaluate": {"a": {"metod": 1}}}, "`overrides` needs names of train.yaml, evaluate.yaml, got 'metod'"),
        ({"config": "trian.yaml"}, "`config` needs a file of .*evaluate.yaml, train.yaml.* got 'trian.yaml'"),
    ],
)
def test_what_is_refused(bundle: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_study(study(bundle, **changes))


def test_other_things_that_are_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`study` needs a YAML file, .*none\.yaml does not exist"):
        read_study(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("arms: [")
    with pytest.raises(ValueError, match=r"`study` needs a YAML file, .*bad\.yaml cannot be read: "):
        read_study(tmp_path / "bad.yaml")
    with pytest.raises(ValueError, match="`study` needs the entry 'arms', it has: bundle"):
        read_study({"bundle": str(bundle)})
    with pytest.raises(TypeError, match=r"`evaluate` needs a file or a dictionary, name -> overrides, got \[1\]"):
        read_study(study(bundle, evaluate=[1]))
    with pytest.raises(TypeError, match="`evaluate::other` needs a dictionary, got int: 3"):
        read_study(study(bundle, evaluate={"other": 3}))
    with pytest.raises(TypeError, match="`arms` needs a dictionary, got list"):
        read_study(study(bundle, arms=["plain"]))
    with pytest.raises(ValueError, match="`arms` needs arms of the study, got 'bad'; known: good loss, plain, same"):
        read_study(study(bundle)).restricted(["bad"])


STUDIES = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("file", sorted(STUDIES.rglob("study_*.yaml")), ids=lambda file: str(file.relative_to(STUDIES)))
def test_the_studies_of_the_library_fit_their_bundles(file: Path) -> None:
    """Names of options, arms and metrics; a row of each can be run alone."""
    plan = read_study(file)
    assert plan.restricted(arms=[list(plan.arms)[-1]], seeds=[plan.seeds[0]]).runs()
    for metric in plan.metrics:
        written = {"metrics.json", *(f"{each.name}/evaluation.json" for each in plan.evaluate)}
        assert metric.source.split("::")[0] in written


def test_the_first_study_of_membranes_scores_components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on its page, whatever the bundle's evaluation takes by default."""
    runs: list[dict[str, Any]] = []

    def pretend(**options: Any) -> None:
        Path(options["output_dir"]).mkdir(parents=True, exist_ok=True)
        runs.append(options)

    monkeypatch.setattr("monai.bundle.run", pretend)
    study_em_membranes.run("data", str(tmp_path), seeds=[0], arms=["leak, alpha 0.1"])
    evaluations = [options for options in runs if options["config_file"].endswith("evaluate.yaml")]
    assert [options.get("method") for options in evaluations] == ["components"]
