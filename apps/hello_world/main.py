"""The smallest useful Dendro app: a greeting, a greeting in a file, and a count of characters."""

from __future__ import annotations

import json
from pathlib import Path

from dendro_local.sdk import App, InputFile, OutputFile

IMAGE = "dendro-local/hello-world:1.0.0"

app = App("hello_world", description="A simple hello world app", version="1.0.0")


@app.processor(image=IMAGE)
def hello_world_1(name: str = "world") -> None:
    """Prints "Hello, {name}!"

    Args:
        name: The name to say hello to
    """
    print(f"Hello, {name}!")


@app.processor(image=IMAGE)
def hello_world_2(output: OutputFile, name: str = "world") -> None:
    """Outputs a text file with "Hello, {name}!" in it

    Args:
        output: The output text file
        name: The name to say hello to
    """
    path = Path("output.txt")
    path.write_text(f"Hello, {name}!", encoding="utf-8")
    output.upload(path)


@app.processor(image=IMAGE)
def count_characters(input: InputFile, output: OutputFile, include_whitespace: bool = True) -> None:
    """Counts the number of characters in a text file

    Args:
        input: The input text file
        output: The output JSON file
        include_whitespace: Whether to include whitespace in the count
    """
    text = Path(input.download()).read_text(encoding="utf-8")
    if not include_whitespace:
        text = text.translate(str.maketrans("", "", " \t\r\n"))
    path = Path("output.json")
    path.write_text(json.dumps({"num_characters": len(text)}), encoding="utf-8")
    output.upload(path)


if __name__ == "__main__":
    app.run()
