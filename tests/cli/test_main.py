"""What every command shares: help, how errors are told, exit codes, and a start that waits for nothing."""

import re
import subprocess
import sys

import pytest

from tests.cli.running import ROOT, weir
from weir.cli import _COMMANDS, main

HEAVY = ("sklearn", "skl2onnx", "onnx", "onnxruntime", "pandas", "pyarrow", "aiokafka", "lightgbm", "xgboost")


def test_help_lists_every_command(tmp_path):
    done = weir("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    for name in _COMMANDS:
        assert re.search(rf"^│ {name} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", ["convert", "models"])
def test_the_help_of_a_command_shows_an_example(name, tmp_path):
    done = weir(name, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Example: weir {name} " in done.stdout


@pytest.mark.parametrize("name", ["list", "show", "alias", "verify", "schema"])
def test_the_help_of_each_of_models_shows_an_example(name, tmp_path):
    done = weir("models", name, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Example: weir models {name}" in done.stdout


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom weir.cli import main\nsys.argv = ['weir', '--help']\n"
        f"try: main()\nexcept SystemExit: print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version(tmp_path):
    assert weir("--version", cwd=tmp_path).stdout == "weir 0.1.0\n"


def test_a_command_that_there_is_not(tmp_path):
    done = weir("convrt", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'convert'?" in done.stderr


def test_an_option_that_there_is_not(tmp_path):
    done = weir("models", "list", "--folder", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_a_setting_that_is_wrong_exits_2_with_one_line(tmp_path):
    done = weir("models", "show", "Fraud!", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: model reference 'Fraud!': expected name, name:3 or name@champion, in lower-case letters, digits, dots, "
        "dashes and underscores\n"
    )


def test_any_other_failure_exits_1_with_one_line(tmp_path):
    done = weir("models", "list", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: no model store at store: the folder does not exist (`weir convert` makes it)\n"


def test_the_stack_trace_is_shown_when_it_is_asked_for(tmp_path):
    done = weir("models", "list", cwd=tmp_path, WEIR_TRACE="1")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.endswith("error: no model store at store: the folder does not exist (`weir convert` makes it)\n")


def run_main(monkeypatch, raising):
    def app(**_):
        raise raising

    monkeypatch.setattr("weir.cli.app", app)
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_what_nobody_expected_exits_70_and_says_how_to_see_more(monkeypatch, capsys):
    assert run_main(monkeypatch, ZeroDivisionError("division by zero")) == 70
    assert capsys.readouterr().err == (
        "error: unexpected ZeroDivisionError: division by zero\n"
        "This is a defect in Weir. Run it again with WEIR_TRACE=1 to see where it happened.\n"
    )


def test_what_nobody_expected_with_its_stack_trace(monkeypatch, capsys):
    monkeypatch.setenv("WEIR_TRACE", "1")
    assert run_main(monkeypatch, ZeroDivisionError("division by zero")) == 70
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert "defect" not in told


def test_an_interrupt_exits_130(monkeypatch, capsys):
    assert run_main(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""


def test_an_interrupt_while_a_command_runs_exits_130():
    program = (
        "import sys, typer\nfrom weir import cli\n"
        "def command(): raise KeyboardInterrupt\n"
        "sys.modules['slow'] = type('slow', (), {'command': staticmethod(command)})\n"
        "cli._COMMANDS['models'] = cli._Entry('slow:command', '')\n"
        "sys.argv = ['weir', 'models']\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
