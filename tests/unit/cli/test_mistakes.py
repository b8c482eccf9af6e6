"""Whatever is mistyped: one line that names place, value and remedy, a code, and nothing left behind."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from nearlinear.calibrate.bundled import BUNDLED
from tests.unit.cli.conftest import Cli

LOG = BUNDLED[0].files[0]
PREDICT = ("predict", "resnet-50", "--device", "v100", "--net", "100Gb")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("predict", "resnet60", *PREDICT[2:]),
            2,
            "MODEL: must be a known network, got 'resnet60'; did you mean resnet-50",
        ),
        (("predict",), 2, "MODEL: is needed"),
        (
            ("predict", "nin", "--device", "h1oo"),
            2,
            "--device: must be a known device, got 'h1oo'; did you mean h100",
        ),
        (
            ("predict", "nin", "--cluster", "dgx-h1oo"),
            2,
            "--cluster: must be a known cluster, got 'dgx-h1oo'; did you mean dgx-h100",
        ),
        ((*PREDICT[:-1], "-100Gb"), 2, "--net: must be > 0, got '-100Gb'"),
        ((*PREDICT[:-1], "0Gb"), 2, "--net: must be > 0, got '0Gb'"),
        (
            (*PREDICT[:-1], "400GB"),
            2,
            "--net: must say bits, or bytes per second, got '400GB'; 400GB read as bytes is 3,200 Gb/s;"
            " did you mean 400Gb? write 400GBps to insist",
        ),
        ((*PREDICT[:-1], "100Gbb"), 2, "--net: "),
        ((*PREDICT, "--devices", "0"), 2, "--devices: "),
        ((*PREDICT, "--devices", "8..x"), 2, "--devices: "),
        ((*PREDICT, "--devices", "-4"), 2, "--devices: "),
        ((*PREDICT, "--batch-per-device", "0"), 2, "--batch-per-device: "),
        ((*PREDICT, "--batch-per-device", "8", "--global-batch", "64"), 2, "--global-batch: "),
        (
            (*PREDICT, "--algorithm", "rign"),
            2,
            "--algorithm: must be a known algorithm, got 'rign'; did you mean ring?",
        ),
        ((*PREDICT, "--anchor", "100"), 2, "--anchor: "),
        ((*PREDICT, "--samples", "1000000"), 2, "--samples: must be at most 100,000, got '1000000'"),
        ((*PREDICT, "--global-batch", "10000000"), 4, "--global-batch: "),
        (("simulate", "nin", "--cluster", "titan", "--devices", "1000000"), 2, "--devices: 1,000,000"),
        (("calibrate", str(LOG), "--collective", "foo"), 2, "--collective: must be known, got 'foo'"),
        (
            ("calibrate", str(LOG), "--collective", "allgather"),
            3,
            f"{LOG}:19: size must be count times float32, once for each of 8 ranks: 32, got 4; was it",
        ),
        (("calibrate", str(LOG), str(LOG)), 2, f"FILE: must be given once, got '{LOG}'"),
        (("calibrate", str(LOG), "--holdout", "99%"), 2, "--holdout: must be at most 50%, got '99%'"),
        (("calibrate", str(LOG), "--plot", "fit.gif"), 2, "--plot: must end in .svg, .png, .pdf, got"),
        (("measure", "--launch", "2", "--sizes", "0.5"), 2, "--sizes: must be at least one byte, got '0.5'"),
        ((*PREDICT, "--anchor", "0:100"), 2, "--anchor: "),
        ((*PREDICT, "--anchor", "1:-5"), 2, "--anchor: "),
        ((*PREDICT, "--profile", "none.toml"), 2, "none.toml: "),
        ((*PREDICT, "--scenario", "none.toml"), 2, "none.toml: "),
        ((*PREDICT, "--per-node", "0"), 2, "--per-node: "),
        ((*PREDICT, "--precision", "fp12"), 2, "--precision: "),
        ((*PREDICT, "--batch-per-device", "100000"), 4, "--batch-per-device: "),
        ((*PREDICT, "-o", "a.xml"), 2, "--out: must end in .json, .csv, .html, got 'a.xml'"),
        ((*PREDICT, "-o", "none/a.json"), 2, "--out: must lie in a folder that is there"),
        (("simulate", *PREDICT[1:], "--jitter", "-3%"), 2, "--jitter: "),
        (("simulate", *PREDICT[1:], "--engine", "simpi"), 2, "--engine: "),
        (("predict", "nin", "--devise", "h100"), 2, "No such option: --devise"),
        (("predict", "nin", "--devices"), 2, "Option '--devices' requires an argument."),
        (("predcit",), 2, "No such command 'predcit'. Did you mean 'predict'?"),
        (("list", "device"), 2, "KIND: must be a known word, got 'device'; did you mean devices"),
        (("show", "h1000"), 2, "NAME: must be in the catalogue, got 'h1000'; did you mean h100"),
        (("schema", "predicton"), 2, "NAME: must be a known word, got 'predicton'; did you mean prediction"),
        (("measure",), 2, "measure: needs ranks to measure between, got 1; mpiexec -n 8 nearlinear measure"),
        (("measure", "--launch", "1"), 2, "--launch: must be 2 to"),
        (("measure", "--launch", "2", "--sizes", "1K..x"), 2, "--sizes: "),
        (("measure", "--launch", "2", "--sizes", "64K..1K"), 2, "--sizes: "),
        (("measure", "--launch", "2", "--budget", "soon"), 2, "--budget: "),
        (("measure", "--launch", "2", "--budget", "0s"), 2, "--budget: must be > 0, got '0s'"),
        (("measure", "--launch", "2", "--algorithms", "rnig"), 2, "--algorithms: must be known, got 'rnig'"),
        (("measure", "--launch", "2", "--dtype", "int8"), 2, "--dtype: "),
        (("measure", "--launch", "2", "-o", "none/a.jsonl"), 2, "--out: must lie in a folder that is there"),
        (("measure", "--launch", "2", "--wire", "int4"), 2, "--wire: must be a known element type"),
        (("measure", "--launch", "2", "--wire", ""), 2, "--wire: must name at least one type"),
        (("measure", "--launch", "2", "--mode", "loop"), 2, "--mode: must be a known word, got 'loop'"),
        (("measure", "--launch", "2", "--start", "gun"), 2, "--start: must be a known word, got 'gun'"),
        (("measure", "--launch", "2", "--most", "3"), 2, "--most: must be at least --repetitions"),
        (("measure", "--launch", "2", "--precision", "-1%"), 2, "--precision: "),
        (("measure", "--launch", "2", "--ranks-sweep", "two"), 2, "--ranks-sweep: must be numbers of ranks"),
        (("measure", "--launch", "2", "--ranks-sweep", "1+2"), 2, "--ranks-sweep: must rise from rank 0 on"),
        (("measure", "--launch", "2", "--ranks-sweep", "0"), 2, "--ranks-sweep: must rise from rank 0 on"),
        (("measure", "--launch", "2", "--transport", "cdua"), 2, "--transport: must be a known word"),
        (("measure", "--launch", "2", "--waiting", "nap"), 2, "--waiting: must be a known word, got 'nap'"),
        (("measure", "--print-launch", "slrum"), 2, "--print-launch: must be a known word, got 'slrum'"),
        (("train", "mpl"), 2, "NETWORK: must be a known word, got 'mpl'; did you mean mlp?"),
        (("train", "--rule", "bps"), 2, "--rule: must be a known word, got 'bps'; did you mean bsp?"),
        (("train", "--rule", "easgd"), 2, "train: rule easgd needs ranks to train on, got 1"),
        (("train", "--rule", "easgd", "--elasticity", "2"), 2, "--elasticity: must be above 0"),
        (("train", "--elasticity", "0.5"), 2, "--elasticity: does not belong to rule bsp, got 0.5"),
        (("train", "--rate", "0"), 2, "--rate: must be > 0, got 0"),
        (("train", "--momentum", "1"), 2, "--momentum: must be at least 0, below 1, got 1"),
        (("train", "--image", "32x32"), 2, "--image: must be height x width x channels, got '32x32'"),
        (("train", "convnet", "--image", "9x9x1"), 2, "network: height and width must be multiples of 4"),
        (("train", "--samples", "10"), 2, "--batch-per-device: must be such that all ranks"),
        (("measure", "--launch", "2", "--sizes", "1K...4M"), 2, "--sizes: must have two dots between sizes"),
        (("measure", "--launch", "2", "--sizes", "1K,x"), 2, "--sizes: "),
        (("measure", "--launch", "2", "-o", "run.csv"), 2, "--out: must end in .jsonl, got 'run.csv'"),
        (("measure", "--launch", "2", "--nodes", "2"), 2, "--nodes: and --per-node belong to --print-launch"),
        (("train", "--data", "digits", "--samples", "9"), 2, "--samples: belongs to --data synthetic, got 9"),
        (("train", "--algorithm", "all"), 2, "--algorithm: must be one, got 'all'"),
        (("train", "--wire", "float16"), 2, "--wire: needs rounds of our own, got 'float16'"),
        (("records", "show", "none.jsonl"), 2, "none.jsonl: must be a readable file"),
        (("records", "list", "none"), 2, "FOLDER: must be a folder that is there, got 'none'"),
        (("calibrate", "none.log"), 2, "none.log: must be a readable file"),
        (("calibrate", str(LOG), "--holdout", "120%"), 2, "--holdout: "),
        (("calibrate", str(LOG), "-o", "p.json"), 2, "--out: must end in .toml, got 'p.json'"),
        (("report", "none.json"), 2, "none.json: must be a readable file"),
    ],
)  # fmt: skip
def test_options(cli: Cli, arguments: Sequence[str], code: int, message: str) -> None:
    ended = cli(*arguments)
    assert ended.error.startswith(message)
    assert ended.code == code
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "arguments", "message"),
    [
        ("a.log", "", ("calibrate", "a.log", "-o", "p.toml"), "a.log: must not be empty"),
        ("a.log", "hello\n", ("calibrate", "a.log", "-o", "p.toml"), "a.log: must be of a known format"),
        ("a.json", "{", ("report", "a.json", "-o", "r.html"), "a.json: must be JSON"),
        ("a.json", "[]", ("report", "a.json", "-o", "r.html"), "a.json: must be a nearlinear/prediction"),
        (
            "p.toml",
            "x = ",
            (*PREDICT, "--profile", "p.toml", "-o", "a.json"),
            "p.toml: must be TOML: Invalid value (at end of document)",
        ),
        ("p.toml", "x = 1", (*PREDICT, "--profile", "p.toml", "-o", "a.json"), "p.toml: must be a"),
        (
            "c.toml",
            'device = "a100"\nlevels = [1]\n',
            ("predict", "nin", "--cluster", "c.toml", "-o", "a.csv"),
            "c.toml",
        ),
        (
            "c.toml",
            'device = "a100"\naliases = 5\n[[levels]]\nname = "network"\nlink = "ib-hdr"\n',
            ("predict", "nin", "--cluster", "c.toml", "-o", "a.csv"),
            "c.toml:2: aliases: must be a list, got 5",
        ),
        ("c.toml", "[cluster]\n", ("predict", "nin", "--cluster", "c.toml", "-o", "a.csv"), "c.toml"),
        (
            "s.toml",
            '[workload]\nmodel = "nin"\n[machine]\ndevise = "h100"\n',
            ("predict", "--scenario", "s.toml", "-o", "a.csv"),
            "s.toml:4: machine.devise: ",
        ),
        (
            "s.toml",
            '[workload]\nmodel = "nin"\n[machine]\ndevice = "h1oo"\n',
            ("predict", "--scenario", "s.toml"),
            "s.toml:4: ",
        ),
        (
            "s.toml",
            '[workload]\nmodel = "nin"\n[plan]\nbatch-per-device = -4\n',
            ("predict", "--scenario", "s.toml"),
            "s.toml:4: ",
        ),
        ("run.jsonl", '{"kind": 1}\n', ("calibrate", "run.jsonl", "-o", "p.toml"), "run.jsonl: must be of a"),
        ("old.jsonl", "x\n", ("measure", "--launch", "2", "-o", "old.jsonl"), "--out: must be a new file"),
    ],
)
def test_file_content(cli: Cli, name: str, content: str, arguments: Sequence[str], message: str) -> None:
    Path(name).write_text(content)
    ended = cli(*arguments)
    assert ended.error.startswith(message)
    assert ended.code == 3
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_text() == content


def test_a_truncated_log_names_its_line(cli: Cli) -> None:
    whole = LOG.read_text()
    Path("cut.log").write_text(whole[: whole.rindex("63896") + 3])
    ended = cli("calibrate", "cut.log", "-o", "p.toml")
    line = whole[: whole.rindex("63896")].count("\n") + 1
    assert ended.error.startswith(f"cut.log:{line}: must have 8 result columns, got")
    assert ended.code == 3
    assert not Path("p.toml").exists()
    assert not Path("p.npz").exists()


def test_a_log_of_few_sizes_is_refused(cli: Cli) -> None:
    lines = LOG.read_text().splitlines(keepends=True)
    Path("few.log").write_text("".join(lines[:20]))
    ended = cli("calibrate", "few.log", "--ranks", "8", "--collective", "allreduce", "-o", "p.toml")
    assert ended.code == 7
    assert "nothing could be fitted" in ended.error
    assert not Path("p.toml").exists()


@pytest.mark.parametrize("verb", ["predict", "simulate"])
def test_an_internal_error_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("nearlinear.models.closed_form.predict", broken)
    monkeypatch.setattr("nearlinear.simulator.simulation.simulate_explained", broken)
    ended = cli(verb, "nin", "--device", "h100", "--devices", "1")
    assert ended.code == 1
    assert ended.error == "internal: ZeroDivisionError: oh; run nearlinear --debug ... and report it"


def test_debug_shows_the_traceback(cli: Cli) -> None:
    ended = cli("--debug", "predict", "nin", "--device", "h1oo")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: --device")


def test_control_c_says_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nearlinear.models.closed_form.predict", interrupted)
    ended = cli("predict", "nin", "--device", "h100")
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_an_output_that_cannot_be_written(cli: Cli) -> None:
    Path("a.csv").mkdir()
    ended = cli(*PREDICT, "--devices", "1,2", "-o", "a.csv")
    assert (ended.code, ended.error) == (3, "--out: must be writable, got 'a.csv'")
