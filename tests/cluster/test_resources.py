"""The file of `--on slurm:FILE`: what it may say, and what is said where it cannot be."""

import sys

import pytest

from recipes.engine.errors import RecipeError, RunError
from recipes.engine.executors import backend
from recipes.engine.slurm import queue
from recipes.engine.slurm.resources import options, python, read


def said(tmp_path, content: str) -> str:
    """The message with which a file is refused."""
    file = tmp_path / "cluster.yaml"
    file.write_text(content)
    with pytest.raises(RecipeError) as error:
        backend(f"slurm:{file}")
    assert str(error.value).startswith(f"--on slurm:{file}: ")
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "time: 20:00:00",
            'time: found the number 72000: without quotes YAML reads 20:00:00 in base 60; write "20:00:00"',
        ),
        (
            "time: '20:00:00'\ngpu: {time: 1:30}",
            'gpu: time: found the number 90; write hours, minutes and seconds in quotes: "01:30:00"',
        ),
        ("time: twenty hours", 'time: found "twenty hours"; write "HH:MM:SS" or "D-HH:MM:SS"'),
        ("partition: cpu", 'the key time must be given, at the top or for cpu: time: "20:00:00"'),
        ("cpu: {time: '1-00:00:00'}", "the key time must be given, at the top or for gpu"),
        ("time: '20:00:00'\nmemory: 8000", "memory: found 8000; write a whole number with its unit: 4096M, 8G, 1T"),
        ("time: '20:00:00'\nsurvey: {memory: 8GB}", "survey: memory: found '8GB'; write a whole number with its unit"),
        ("time: '20:00:00'\npartitions: cpu", "the key 'partitions' is unknown; did you mean 'partition'?"),
        ("time: '20:00:00'\ngpu: {gpu: 1}", "gpu: the key 'gpu' is unknown; did you mean 'gpus'?"),
        ("time: '20:00:00'\ngpus: 1", "the key 'gpus' belongs to a kind: gpu: {gpus: 1}"),
        (
            "time: '20:00:00'\ngpu: {gpus: some}",
            "gpu: gpus: found 'some'; write how many, or their type too: 1, h100:1",
        ),
        ("time: '20:00:00'\naccount: 4711", "account: found 4711; write a text, in quotes"),
        ("time: '20:00:00'\ncpus: 0", "cpus: found 0; write a whole number, 1 or more"),
        ("time: '20:00:00'\nsbatch: {array: 0-9}", "sbatch: 'array' is set by seimai"),
        ("time: '20:00:00'\nsbatch: {mem: 8G}", "sbatch: 'mem' is said by the key 'memory'"),
        ("time: '20:00:00'\nsbatch: {--nodelist: n1}", "'--nodelist' is no long option of sbatch; write nodelist"),
        ("time: '20:00:00'\nvenv: /nowhere/venv", "cpu: venv: there is no /nowhere/venv/bin/python"),
        (
            "time: '00:02:00'",
            "cpu: time: found 00:02:00, and 120 s before its end (`notice`) a job is told to stop: raise 'time', or lower 'notice'",
        ),
        (
            "time: '20:00:00'\ngeneration_of_all: {memory: 8G}",
            "the key 'generation_of_all' is unknown; stages are told apart by what they do: cpu (stages that read",
        ),
        ("- cpu", "must hold 'key: value' pairs: partition, time and the kinds cpu, gpu, survey, generate, link"),
        ("time: [", "line 1, column 8: not YAML"),
    ],
)
def test_a_mistake_names_the_file_the_key_what_was_found_and_what_is_right(tmp_path, content, message):
    assert message in said(tmp_path, content)


def test_a_kind_takes_from_the_top_what_it_does_not_say_itself(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text(
        "partition: cpu\ntime: '20:00:00'\nmemory: 4G\nsbatch: {nice: 100, exclusive: true}\n"
        "gpu: {partition: gpu, gpus: 'h100:1', memory: 64G, sbatch: {nice: 0}}\n"
    )
    made = read(str(file), "slurm")
    assert options(made.of("cpu")) == [
        "--partition=cpu", "--time=20:00:00", "--cpus-per-task=1", "--mem=4G", "--nice=100", "--exclusive",
    ]  # fmt: skip
    assert options(made.of("gpu")) == [
        "--partition=gpu", "--time=20:00:00", "--cpus-per-task=1", "--mem=64G", "--gres=gpu:h100:1", "--nice=0", "--exclusive",
    ]  # fmt: skip


def test_python_is_that_of_the_command_of_a_venv_or_of_a_container(tmp_path):
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").touch()
    file = tmp_path / "cluster.yaml"
    file.write_text(f"time: '20:00:00'\nvenv: {tmp_path}/venv\ngpu: {{gpus: 1, container: seimai.sif}}\n")
    made = read(str(file), "slurm")
    assert python(made.of("cpu"), ["/data"]) == f"{tmp_path}/venv/bin/python"
    assert python(made.of("gpu"), ["/data", "/data"]) == "apptainer exec --nv --bind /data seimai.sif python3"
    file.write_text("time: '20:00:00'\n")
    assert python(read(str(file), "slurm").of("cpu"), []) == sys.executable
    file.write_text("time: '20:00:00'\ngpu: {container: seimai.sif, sbatch: {gpus-per-node: 1}}\n")
    assert python(read(str(file), "slurm").of("gpu"), []) == "apptainer exec --nv seimai.sif python3"


def test_where_slurm_is_not_installed_it_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RunError, match="there is no squeue on PATH"):
        queue.jobs("any")
