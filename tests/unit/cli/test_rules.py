"""``predict --rule``: what it prints, and what it refuses."""

from collections.abc import Sequence

import pytest

from tests.unit.cli.conftest import Cli

PREDICT = (
    "predict",
    "resnet-50",
    "--cluster",
    "p4d",
    "--per-node",
    "1",
    "--devices",
    "1,4",
    "--samples",
    "51",
)


def test_a_rule_is_in_title_table_and_json(cli: Cli) -> None:
    ended = cli(*PREDICT, "--rule", "easgd", "--period", "4")
    assert ended.code == 0
    assert ended.out.splitlines()[0].endswith("rule easgd, period 4, elasticity 0.5")
    assert ended.out.count(" easgd") == 3  # title and both scales
    assert '"rule": {' in cli(*PREDICT, "--rule", "asgd", "--json").out


def test_a_rule_counts_its_own_epochs(cli: Cli) -> None:
    ended = cli(*PREDICT, "--rule", "easgd", "--until-accuracy")
    assert "until ResNet-50 v1.5" in ended.out
    assert "epochs of rule easgd follow from a quadratic loss" in ended.err
    ended = cli("simulate", *PREDICT[1:], "--rule", "easgd", "--until-accuracy")
    assert "epochs of rule easgd follow from a quadratic loss" in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--period", "4"), "--period: needs a rule, got 4; say --rule easgd"),
        (("--elasticity", "0.5"), "--elasticity: needs a rule, got 0.5"),
        (("--rule", "easg"), "--rule: must be a known word, got 'easg'; did you mean easgd"),
        (("--rule", "gosgd"), "--rule: must have a step in closed form, got 'gosgd'; rules with"),
        (("--rule", "ssp"), "--rule: must have a step in closed form, got 'ssp'"),
        (("--rule", "asgd", "--elasticity", "0.3"), "--elasticity: does not belong to rule asgd, got 0.3"),
        (("--rule", "easgd", "--elasticity", "1.5"), "--elasticity: must be above 0, at most 1, got 1.5"),
        (
            ("--rule", "easgd", "--algorithm", "ring"),
            "--algorithm: has no effect with --rule easgd, got 'ring'",
        ),
        (("--rule", "asgd", "--staged", "pcie3"), "--staged: has no effect with --rule asgd, got 'pcie3'"),
        (("--rule", "easgd", "--show-scenario"), "--rule: is no part of a scenario file, got 'easgd'"),
        (("--rule", "easgd", "--anchor", "4:900"), "--anchor: must be of one device with --rule"),
    ],
)
def test_refusals(cli: Cli, options: Sequence[str], message: str) -> None:
    ended = cli(*PREDICT, *options)
    assert ended.code == 2
    assert ended.error.startswith(message)


def test_a_simulation_refuses_epochs_that_it_does_not_know(cli: Cli) -> None:
    ended = cli("simulate", *PREDICT[1:], "--rule", "gosgd", "--until-accuracy")
    assert ended.code == 2
    assert ended.error.startswith("--rule: must be one whose epochs are known, got 'gosgd'")
