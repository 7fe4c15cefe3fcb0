"""Lines as paths of SVG, for pages that draw without a script."""

from dendro_local.v1 import Line

__all__ = ["HEIGHT", "WIDTH", "line_path"]

WIDTH = 600
HEIGHT = 100


class LinePath:
    """A line as a path, in a picture of `WIDTH` by `HEIGHT`, and the numbers at its edges."""

    def __init__(self, line: Line) -> None:
        numbers = [each for each in (*line.low, *line.high) if each is not None]
        self.low = min(numbers, default=None)
        self.high = max(numbers, default=None)
        self.d = "" if self.low is None or self.high is None else self._path(line)

    def _path(self, line: Line) -> str:
        low, high = self.low or 0.0, self.high or 0.0
        # Halved before they are subtracted: the difference of the largest numbers is infinite.
        half = high / 2 - low / 2
        across = WIDTH / max(1, len(line.low) - 1)
        steps: list[str] = []
        is_begun = False
        for index, (least, greatest) in enumerate(zip(line.low, line.high, strict=True)):
            if least is None or greatest is None:
                is_begun = False
                continue
            for value in dict.fromkeys((least, greatest)):
                share = (value / 2 - low / 2) / half if half > 0 else 0.5
                letter = "L" if is_begun else "M"
                steps.append(f"{letter}{index * across:.1f} {HEIGHT * (1 - share):.1f}")
                is_begun = True
        return "".join(steps)


def line_path(line: Line) -> LinePath:
    """How a line is drawn."""
    return LinePath(line)
