"""Apps that run in containers, and asking for their jobs."""

import json
from collections.abc import Sequence
from pathlib import Path

from dendro_local import (
    DendroJob,
    DendroJobDefinition,
    DendroJobInputFile,
    DendroJobOutputFile,
    DendroJobParameter,
    DendroJobRequiredResources,
    submit_job,
)

IMAGE = "localhost/dendro-test:1"

MINE = f'''
import json
import os
import time
from pathlib import Path

import dendro_local
from dendro_local.sdk import App, InputFile, OutputFile

app = App("mine", description="For a test")
FOLDER = Path(os.environ.get("DENDRO_JOB_FOLDER", ""))


@app.processor(image={IMAGE!r})
def work(inputs: list[InputFile], output: OutputFile, code: str = "") -> None:
    """Does what it is told, and says where it is."""
    told = {{}}
    exec(code, {{**globals(), "told": told}})
    told["texts"] = [Path(each.get_local_file_name() or "").read_text() for each in inputs]
    told["sdk"] = dendro_local.__file__
    told["environment"] = dict(os.environ)
    Path("told.json").write_text(json.dumps(told))
    output.upload("told.json")


@app.processor
def bare(output: OutputFile) -> None:
    """Names no image."""


app.run()
'''
"""An app whose code is in a folder of this machine."""

WAIT = """
(FOLDER / "pid").write_text(str(os.getpid()))
print("at work", flush=True)
while not (FOLDER / "leave").exists():
    time.sleep(0.01)
"""
"""Lets the app wait to be told to end, by a file in its job's folder."""

IN_IMAGE = '''
from dendro_local.sdk import App, OutputFile

app = App("in_image", description="For a test", version="1")


@app.processor
def work(output: OutputFile, code: str = "") -> None:
    """Says hello."""
    print("hello from the image")
    with open("out.txt", "w") as file:
        file.write("from the image")
    output.upload("out.txt")


app.run()
'''
"""An app whose code is in the image."""

SPEC = json.dumps(
    {
        "name": "in_image",
        "description": "For a test",
        "processors": [
            {
                "name": "work",
                "description": "Says hello",
                "label": "work",
                "image": IMAGE,
                "executable": "MAIN",
                "inputs": [],
                "outputs": [{"name": "output", "description": "A greeting"}],
                "parameters": [
                    {"name": "code", "type": "str", "description": "", "defaultValue": ""}
                ],
                "attributes": [],
            }
        ],
    }
)
"""Its spec, with MAIN for the place of its code."""


def submit(
    code: str = "",
    *,
    app: str = "mine",
    processor: str = "work",
    inputs: Sequence[Path | str] = (),
    memory_gb: float = 1,
    time_sec: float = 60,
) -> DendroJob:
    """Submit a job of one of the apps."""
    return submit_job(
        service_name="lab",
        job_definition=DendroJobDefinition(
            appName=app,
            processorName=processor,
            inputFiles=[
                DendroJobInputFile(name=f"inputs[{number}]", path=given)
                if isinstance(given, Path)
                else DendroJobInputFile(name=f"inputs[{number}]", url=given)
                for number, given in enumerate(inputs)
            ],
            outputFiles=[DendroJobOutputFile(name="output", fileBaseName="told.json")],
            parameters=[] if processor == "bare" else [DendroJobParameter(name="code", value=code)],
        ),
        required_resources=DendroJobRequiredResources(
            numCpus=1, numGpus=0, memoryGb=memory_gb, timeSec=time_sec
        ),
    )
