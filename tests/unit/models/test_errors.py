"""One grammar for every refusal."""

import pytest

from nearlinear.models import errors


def test_grammar() -> None:
    error = errors.SpecError(
        "a.toml:12", "must be > 0", field="link.bandwidth", got=-25.0, remedy="check the sign"
    )
    assert str(error) == "a.toml:12: link.bandwidth: must be > 0, got -25.0; check the sign"


def test_parts_that_are_absent_leave_no_trace() -> None:
    assert str(errors.FitError("calibrate", "needs a file")) == "calibrate: needs a file"


def test_a_message_is_always_one_line() -> None:
    assert "\n" not in str(errors.SpecError("a", "must\nnot\nbreak", got="x\ny"))


def test_the_same_error_said_of_another_place() -> None:
    error = errors.SpecError("bandwidth", "must be > 0", got=0).at("a.toml", "link")
    assert str(error) == "a.toml: link: must be > 0, got 0"


def test_a_copy_from_its_arguments_is_whole() -> None:
    error = errors.SpecError("a", "must be > 0", field="b", got=0, remedy="c")
    assert str(type(error)(*error.args)) == str(error)


def test_exit_codes_are_those_of_the_architecture() -> None:
    codes = {
        errors.SelfCheckError: 1, errors.SpecError: 2, errors.ContentError: 3, errors.CapacityError: 4,
        errors.TargetError: 5, errors.AbsentError: 6, errors.FitError: 7, errors.IncompleteError: 8,
    }  # fmt: skip
    assert {kind: kind.exit_code for kind in codes} == codes


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("resnet50", ["resnet-50", "vgg-16"], "did you mean resnet-50?"),
        ("RESNET_50", ["resnet-50"], "did you mean resnet-50?"),
        ("h100", ["h100-sxm", "h100-pcie", "k80"], "did you mean h100-sxm, h100-pcie?"),
        ("zzz", ["a100"], ""),
    ],
)
def test_nearest(name: str, known: list[str], expected: str) -> None:
    assert errors.nearest(name, known) == expected
