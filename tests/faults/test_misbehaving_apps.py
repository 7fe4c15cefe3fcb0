"""Whatever an app does, its job ends, with what it printed and an error that helps."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from dendro_local.client.default_hub import default_hub
from dendro_local.errors import JobFailed
from tests.faults.asking import refused, run
from tests.faults.conftest import JobMaker, Runner

pytestmark = pytest.mark.process

GIVE = """
from pathlib import Path
Path("out.txt").write_text("all of it")
output.upload("out.txt")
"""


class Heart:
    """A child process of an app: as long as it lives, it writes a file again and again."""

    def __init__(self, folder: Path) -> None:
        self.beats = folder / "beats"
        beat = f"while :; do echo > {self.beats}; sleep 0.01; done"
        self.start = f"""
import subprocess, time
from pathlib import Path
subprocess.Popen(["sh", "-c", {beat!r}])
while not Path({str(self.beats)!r}).exists():
    time.sleep(0.01)
"""

    def has_stopped(self) -> bool:
        """Whether it has lived, and the file stays as it is for half a second."""
        before = self.beats.stat().st_mtime_ns
        time.sleep(0.5)
        return self.beats.stat().st_mtime_ns == before


@pytest.fixture
def heart(tmp_path: Path) -> Heart:
    return Heart(tmp_path)


def test_an_exception_is_the_jobs_error_with_its_traceback(
    job_of: JobMaker, runner: Runner
) -> None:
    job = runner(job_of("print('reading')\nraise ValueError('no spikes')"))

    assert job.status == "failed"
    assert str(job.error).startswith("ValueError: no spikes\nTraceback")
    assert str(job.error).endswith("raise ValueError('no spikes')")
    assert job.console().startswith("reading\nTraceback")


def test_an_exit_code_is_told_with_what_was_printed(job_of: JobMaker, runner: Runner) -> None:
    job = runner(job_of("import os\nprint('no license', flush=True)\nos._exit(7)"))

    assert job.status == "failed"
    assert job.error == "The app ended with exit code 7. The end of what it printed:\nno license"
    assert job.console() == "no license\n"


def test_sys_exit_is_told_with_what_it_was_given(job_of: JobMaker) -> None:
    job = run(job_of("import sys\nsys.exit('no license')"))

    assert job.status == "failed"
    assert "sys.exit('no license')" in str(job.error)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "SIGKILL (often for want of memory)"),
        (signal.SIGSEGV, "SIGSEGV"),
        (signal.SIGTERM, "SIGTERM"),
        pytest.param(
            40,
            "signal 40",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has signal 40"),
        ),
    ],
)
def test_a_signal_is_told_by_its_name(
    job_of: JobMaker, runner: Runner, number: int, words: str
) -> None:
    job = runner(
        job_of(f"import os\nprint('so far', flush=True)\nos.kill(os.getpid(), {number:d})")
    )

    assert job.status == "failed"
    assert str(job.error).startswith(f"The app was ended by {words}. The end of what it printed:")
    assert job.console() == "so far\n"


def test_an_end_without_a_result_is_no_success(job_of: JobMaker, runner: Runner) -> None:
    job = runner(job_of(GIVE + "import os\nprint('bye', flush=True)\nos._exit(0)"))

    assert job.status == "failed"
    assert "without saying how the job went" in str(job.error)
    assert "`app.run()`" in str(job.error)
    assert str(job.error).endswith("bye")


def test_an_output_that_was_forgotten_is_named(job_of: JobMaker) -> None:
    job = run(job_of("print('done')"))

    assert job.status == "failed"
    assert "output 'output' (upload(file) was not called)" in str(job.error)
    assert job.console().startswith("done\n")


def test_a_failed_job_has_no_outputs_to_read(job_of: JobMaker) -> None:
    job = run(job_of(GIVE + "raise ValueError('no spikes')"))

    with refused(JobFailed, job.jobId, "ValueError: no spikes"):
        job.get_output("output").path()


@pytest.mark.parametrize(
    "ignoring", ["", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"]
)
def test_a_job_that_takes_too_long_is_ended_with_its_children(
    job_of: JobMaker, runner: Runner, heart: Heart, ignoring: str
) -> None:
    endless = "print('working', flush=True)\nwhile True: time.sleep(60)"

    job = runner(job_of(f"{ignoring}\n{heart.start}\n{endless}", time_sec=1))

    assert job.status == "failed"
    assert job.error == "The job ran longer than its limit of 1 s (timeSec)."
    assert job.console() == "working\n"
    assert heart.has_stopped()


def test_a_job_that_takes_too_long_may_use_its_last_moment(
    job_of: JobMaker, runner: Runner
) -> None:
    job = runner(
        job_of(
            """
            import signal, sys, time
            def leave(number, frame):
                print('asked to end', flush=True)
                time.sleep(0.3)
                print('saved', flush=True)
                sys.exit(1)
            signal.signal(signal.SIGTERM, leave)
            while True: time.sleep(60)
            """,
            time_sec=1,
        )
    )

    assert "longer than its limit" in str(job.error)
    assert job.console().startswith("asked to end\nsaved\n")  # and it was asked once only


def test_children_that_an_app_leaves_running_are_ended(
    job_of: JobMaker, runner: Runner, heart: Heart
) -> None:
    job = runner(job_of(heart.start + GIVE))

    assert (job.status, job.error) == ("completed", None)
    assert heart.has_stopped()


def test_what_a_child_prints_while_its_app_ends_leaves_the_console_whole(
    job_of: JobMaker,
    runner: Runner,
) -> None:
    chatter = f"""
import subprocess, time
from pathlib import Path
subprocess.Popen(["sh", "-c", "while :; do echo 1; done"])
while Path("../console.txt").stat().st_size == 0:
    time.sleep(0.01)
{GIVE}
"""
    job = runner(job_of(chatter))

    assert (job.status, job.error) == ("completed", None)
    assert set(job.console().split()) == {"1"}  # check_blobs compares the file with its digest


def test_a_million_lines_are_kept_to_the_byte(job_of: JobMaker, runner: Runner) -> None:
    printing = "import sys\nsys.stdout.write(''.join(f'line {i}\\n' for i in range(1_000_000)))"

    job = runner(job_of(printing + GIVE))

    assert (job.status, job.error) == ("completed", None)
    assert job.console() == "".join(f"line {i}\n" for i in range(1_000_000))


def test_what_is_not_utf8_is_kept_to_the_byte_and_shown_with_replacements(
    job_of: JobMaker,
    runner: Runner,
) -> None:
    printed = b"caf\xe9 \xff\x00\xfe\xf0\x9f\n"

    job = runner(job_of(f"import sys\nsys.stdout.buffer.write({printed!r})" + GIVE))

    assert (job.status, job.error) == ("completed", None)
    assert default_hub().console(job.jobId) == printed
    assert job.console() == printed.decode(errors="replace")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_an_error_after_what_is_not_utf8_is_still_told(job_of: JobMaker, stream: str) -> None:
    job = run(
        job_of(
            f"import os, sys\nsys.{stream}.buffer.write(b'caf\\xe9')\nsys.{stream}.flush()"
            "\nos._exit(3)"
        )
    )

    assert "exit code 3. The end of what it printed:\ncaf\N{REPLACEMENT CHARACTER}" in str(
        job.error
    )


RUBBISH = {
    "no JSON": "{{{",
    "another kind": "[1, 2]",
    "another format": '{"formatVersion": 99, "status": "completed", "outputs": {}}',
    "an unknown status": '{"formatVersion": 1, "status": "fine", "outputs": {}}',
    "a wrong type": '{"formatVersion": 1, "status": "completed", "outputs": [1]}',
    "half a character": '{"formatVersion": 1, "status": "failed", "error": "\\ud800"}',
    "not UTF-8": b'{"status": "\xff"}',
}


def leave_result(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return f"""
import os
from pathlib import Path
folder = Path(os.environ["DENDRO_JOB_FOLDER"])
(folder / "result.json").write_bytes({raw!r})
print("left", flush=True)
os._exit(0)
"""


def completed(outputs: str) -> str:
    return f'{{"formatVersion": 1, "status": "completed", "outputs": {outputs}}}'


@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH.keys())
def test_a_result_that_is_none_is_told(job_of: JobMaker, content: str | bytes) -> None:
    job = run(job_of(leave_result(content)))

    assert job.status == "failed"
    assert "result.json is not a result" in str(job.error)
    assert job.console() == "left\n"


@pytest.mark.parametrize(
    "path", ["../../../store.db", "/etc/hostname", "nothing", "", ".", "a\\u0000b", "work"]
)
def test_an_output_that_is_no_file_of_the_job_is_refused(job_of: JobMaker, path: str) -> None:
    job = run(job_of(leave_result(completed(f'{{"output": {{"path": "{path}"}}}}'))))

    assert job.status == "failed"
    assert "output 'output' is no" in str(job.error)


def test_an_output_that_the_job_does_not_have_is_named(job_of: JobMaker) -> None:
    left = '{"output": {"path": "job.json"}, "more": {"path": "job.json"}}'

    job = run(job_of(leave_result(completed(left))))

    assert job.error == "The app gave output 'more', which the job does not have."


def test_an_output_that_became_a_link_out_of_the_folder_is_refused(
    job_of: JobMaker, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for everybody")
    link = f"""
Path("../outputs/output").unlink()
Path("../outputs/output").symlink_to({str(secret)!r})
"""
    job = run(job_of(GIVE + link))

    assert job.status == "failed"
    assert "output 'output' is a link" in str(job.error)
    assert os.access(secret, os.W_OK)


def test_an_app_that_removes_its_folder_fails_with_all_that_it_printed(
    job_of: JobMaker, runner: Runner
) -> None:
    removing = """
import os, shutil
print("before", flush=True)
folder = os.environ["DENDRO_JOB_FOLDER"]
while os.path.isdir(folder):  # the compute client may write to it at the same moment
    shutil.rmtree(folder, ignore_errors=True)
print("after", flush=True)
"""
    job = runner(job_of(GIVE + removing))

    assert job.status == "failed"
    assert "removed its job's folder" in str(job.error)
    assert job.console().startswith("before\nafter\n")


@pytest.mark.parametrize("what", ["os.remove('../console.txt')", "os.mkdir('../console.txt')"])
def test_an_app_that_removes_its_console_completes_with_all_that_it_printed(
    job_of: JobMaker, runner: Runner, what: str
) -> None:
    body = "import os\nprint('before', flush=True)\nos.remove('../console.txt')\n"
    if "mkdir" in what:
        body += what
    job = runner(job_of(body + "\nprint('after', flush=True)" + GIVE))

    assert (job.status, job.error) == ("completed", None)
    assert job.console() == "before\nafter\n"


def test_a_folder_without_rights_is_removed_all_the_same(
    job_of: JobMaker, whole_store: Path
) -> None:
    locking = (
        "import os\nos.makedirs('a/b')\nos.chmod('a/b', 0)\nos.chmod('a', 0)\nos.chmod('.', 0)"
    )

    job = run(job_of(GIVE + locking))

    assert (job.status, job.error) == ("completed", None)
    assert list((whole_store / "jobs").iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        "raise KeyboardInterrupt",
        "raise SystemExit(3)",
        "def f(): f()\nf()",
        "raise BaseException('odd')",
        "raise ValueError('\\ud800')",
        "import os; os.close(1); os.close(2)",
        "import sys; sys.stdout = None",
        "import os; os.chdir('/')",
        "import os; os.setsid() if os.getpid() != os.getsid(0) else None",
        "import os; os.environ.clear()",
        "import os; os.kill(os.getppid(), 0)",
        "import threading; threading.Thread(target=__import__('time').sleep, args=(0.1,)).start()",
        "import os\nif os.fork() == 0:\n    raise ValueError('in the child')\nos.wait()",
    ],
)
def test_oddities_end_the_job_one_way_or_the_other(
    job_of: JobMaker, runner: Runner, body: str
) -> None:
    job = runner(job_of("print('odd', flush=True)\n" + body))

    assert job.status == "failed"  # for want of its output, if for nothing else
    assert job.error
    assert job.console().startswith("odd\n")
