"""``nearlinear train`` on real ranks: every rule and exchange, and the ways in which a run can end."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearlinear.measure.records import read_record

SMALL = ["--image", "8x8x1", "--samples", "256", "--noise", "1", "--width", "32"]
FOREVER = ["--epochs", "100000", "--budget", "300s"]


def _train(command: list[str], folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [*command, "train", "mlp", *SMALL, "-o", "t.jsonl", "--json", *arguments], cwd=folder,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["result"]


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        (["--algorithm", "tree"], 2),
        (["--algorithm", "asa", "--wire", "float16", "--bucket", "4K", "--overlap"], 2),
        (["--algorithm", "ps", "--launch", "3"], 2),
        (["--rule", "asgd", "--launch", "3", "--rate", "0.01"], 2),
        (["--rule", "ssp", "--staleness", "1", "--launch", "3", "--rate", "0.01"], 2),
        (["--rule", "easgd", "--period", "4", "--launch", "3"], 2),
        (["--rule", "gosgd", "--probability", "0.3"], 2),
        (["--loader", "process", "--load-delay", "1ms"], 2),
        (["--averages", "weights", "--period", "4"], 2),
    ],
)
def test_every_rule_learns_and_is_recorded(
    command: list[str], tmp_path: Path, arguments: list[str], workers: int
) -> None:
    launch = [] if "--launch" in arguments else ["--launch", "2"]
    result = _train(command, tmp_path, *launch, *arguments, "--epochs", "8")
    assert result["workers"] == workers
    losses = [epoch["loss"] for epoch in result["epochs"]]
    assert losses[-1] < 0.7 * losses[0]
    record = read_record(tmp_path / "t.jsonl")
    assert record.complete
    assert record.header["training"]["rule"] == (arguments[1] if arguments[0] == "--rule" else "bsp")
    per_epoch = 256 // (32 * workers)
    assert len(record.steps) == 8 * per_epoch * workers
    assert {step.rank for step in record.steps} == set(range(workers))
    exchanged = sum(step.exchange_s + step.hidden_s for step in record.steps)
    assert exchanged > 0


def test_replicas_never_drift_apart(command: list[str], tmp_path: Path) -> None:
    result = _train(command, tmp_path, "--launch", "3", "--algorithm", "ring", "--epochs", "3")
    assert [epoch["spread"] < 1e-7 for epoch in result["epochs"]] == [True] * 3


def test_one_worker_needs_no_ranks(command: list[str], tmp_path: Path) -> None:
    result = _train(command, tmp_path, "--epochs", "2")
    assert result["workers"] == 1
    assert result["step"]["exchange_s"]["median"] == 0


def test_letters_keep_what_they_must(ranks: Callable[..., Any]) -> None:
    done = ranks(3, [str(Path(__file__).parent / "letters_on_the_wire.py")])
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_interrupted_run_keeps_its_steps(
    started: Callable[..., Any], wait_for: Callable[..., None], tmp_path: Path
) -> None:
    process = started("train", "mlp", "--launch", "2", "-o", "t.jsonl", *SMALL, *FOREVER)
    wait_for(tmp_path / "t.jsonl", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "steps are kept in t.jsonl" in errors
    record = read_record(tmp_path / "t.jsonl")
    assert len(record.steps) > 10
    assert not record.complete
    assert "Traceback" not in errors


def test_a_run_that_diverges_says_so(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*command, "train", "mlp", *SMALL, "-o", "t.jsonl", "--launch", "2", "--rate", "1000000"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "error: train: the loss must stay a number; it has diverged; lower --rate" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert done.returncode == 5


def test_too_few_samples_are_said_once(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*command, "train", "mlp", *SMALL, "-o", "t.jsonl", "--launch", "3", "--batch-per-device", "100"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error: ") == 1
    assert "take at most the 256 samples" in done.stderr
    assert not (tmp_path / "t.jsonl").exists()
