"""The smallest useful Dendro app: a greeting, a greeting in a file, and a count of characters."""

from __future__ import annotations

import json

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
    with open("output.txt", "w", encoding="utf-8") as file:
        file.write(f"Hello, {name}!")
    output.upload("output.txt")


@app.processor(image=IMAGE)
def count_characters(input: InputFile, output: OutputFile, include_whitespace: bool = True) -> None:
    """Counts the number of characters in a text file

    Args:
        input: The input text file
        output: The output JSON file
        include_whitespace: Whether to include whitespace in the count
    """
    with open(input.download(), encoding="utf-8") as file:
        text = file.read()
    if not include_whitespace:
        text = text.translate(str.maketrans("", "", " \t\r\n"))
    with open("output.json", "w", encoding="utf-8") as file:
        json.dump({"num_characters": len(text)}, file)
    output.upload("output.json")


if __name__ == "__main__":
    app.run()
