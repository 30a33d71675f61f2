"""Draws widgets on CloudWatch's grid as SVG: the same data make the same picture."""

from datetime import UTC, datetime
from html import escape

UNIT_X, UNIT_Y, GAP, TOP = 60, 44, 6, 40
COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"]
FONT = "font-family='Helvetica,Arial,sans-serif'"
CHARACTER = 6.6


def picture(title, widgets):
    """The whole dashboard: `widgets` are pairs of the widget and what it shows."""
    height = max(widget["y"] + widget["height"] for widget, _ in widgets) * UNIT_Y + TOP + GAP
    width = 24 * UNIT_X + GAP
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' {FONT}>",
        f"<rect width='{width}' height='{height}' fill='#f2f3f3'/>",
        text(GAP + 8, 26, title, size=17, weight="bold"),
    ]
    for widget, content in widgets:
        box = Box(
            widget["x"] * UNIT_X + GAP,
            widget["y"] * UNIT_Y + TOP,
            widget["width"] * UNIT_X - GAP,
            widget["height"] * UNIT_Y - GAP,
        )
        parts.append(f"<rect x='{box.x}' y='{box.y}' width='{box.width}' height='{box.height}' fill='white' stroke='#d5dbdb'/>")
        parts.append(text(box.x + 10, box.y + 19, widget["properties"]["title"], size=13, weight="bold"))
        parts.extend(content.draw(box))
    return "\n".join([*parts, "</svg>", ""])


class Box:
    def __init__(self, x, y, width, height):
        self.x, self.y, self.width, self.height = x, y, width, height


def text(x, y, words, size=11, weight="normal", anchor="start", colour="#16191f"):
    return (
        f"<text x='{round(x, 1)}' y='{round(y, 1)}' font-size='{size}' font-weight='{weight}' text-anchor='{anchor}'"
        f" fill='{colour}'>{escape(words)}</text>"
    )


def short(value):
    """A number as an axis shows it."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{letter}"
    return f"{value:.3g}"


def cut(words, width):
    most = max(int(width / CHARACTER), 1)
    return words if len(words) <= most else words[: most - 1] + "…"


def nothing(box):
    return [text(box.x + box.width / 2, box.y + box.height / 2 + 8, "no data", size=12, anchor="middle", colour="#879596")]


class Values:
    """The last value of each series, large."""

    def __init__(self, series):
        self.series = series

    def draw(self, box):
        if not self.series:
            yield from nothing(box)
        for place, (label, value) in enumerate(self.series):
            x = box.x + 14 + place * box.width / len(self.series)
            yield text(x, box.y + 82, f"{value:,.4f}".rstrip("0").rstrip("."), size=34)
            yield text(x, box.y + 110, label, size=12, colour="#545b64")


class Gauge:
    """A value between the ends of its axis."""

    def __init__(self, value, axis):
        self.value, self.low, self.high = value, axis["min"], axis["max"]

    def draw(self, box):
        x, y, width = box.x + 20, box.y + 96, box.width - 40
        share = min(max((self.value - self.low) / (self.high - self.low), 0), 1)
        yield text(x, y - 18, f"{self.value:.4g} %", size=34)
        yield f"<rect x='{x}' y='{y}' width='{width}' height='16' fill='#eaeded'/>"
        yield f"<rect x='{x}' y='{y}' width='{round(width * share, 1)}' height='16' fill='{COLOURS[0]}'/>"
        yield text(x, y + 32, short(self.low))
        yield text(x + width, y + 32, short(self.high), anchor="end")


class Ranking:
    """Contributors, the largest first."""

    def __init__(self, rows):
        self.rows = rows

    def draw(self, box):
        if not self.rows:
            yield from nothing(box)
        largest = max((value for _, value in self.rows), default=0) or 1
        for place, (name, value) in enumerate(self.rows):
            y = box.y + 44 + place * 20
            length = round((box.width - 240) * value / largest, 1)
            yield text(box.x + 12, y, cut(name, 130))
            yield f"<rect x='{box.x + 150}' y='{y - 11}' width='{length}' height='14' fill='{COLOURS[place % 10]}'/>"
            yield text(box.x + 156 + length, y, short(value))


class Table:
    """Rows of a log query."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows

    def draw(self, box):
        if not self.rows:
            yield from nothing(box)
            return
        step = (box.width - 24) / len(self.columns)
        for place, column in enumerate(self.columns):
            x = box.x + 12 + place * step
            yield text(x, box.y + 42, cut(column, step), weight="bold", colour="#545b64")
            for line, row in enumerate(self.rows):
                yield text(x, box.y + 62 + line * 18, cut(row[place], step))


class Graph:
    """Series over time: `series` are labels, data, and the side of their axis."""

    def __init__(self, series, span, period, properties):
        self.series, self.period, self.properties = series, period, properties
        self.first, self.last = span
        self.lines = [(a["label"], a["value"]) for a in properties.get("annotations", {}).get("horizontal", [])]

    def draw(self, box):
        if not any(data for _, data, _ in self.series):
            yield from nothing(box)
            return
        has_right = any(side == "right" for _, _, side in self.series)
        legend = self.legend_rows(box)
        plot = Box(box.x + 52, box.y + 44, box.width - (104 if has_right else 66), box.height - 74 - 16 * len(legend))
        series = self.stacked() if self.properties.get("stacked") else [(*one, None) for one in self.series]
        scales = {side: self.scale(side, series) for side in ("left", "right")}
        yield from self.axes(box, plot, scales, has_right)
        for place, (_, data, side, floor) in enumerate(series):
            yield from self.curve(plot, data, floor, scales[side], COLOURS[place % 10])
        for label, value in self.lines:
            y = height(plot, scales["left"], value)
            yield f"<line x1='{plot.x}' x2='{plot.x + plot.width}' y1='{y}' y2='{y}' stroke='#d62728' stroke-dasharray='5 4'/>"
            yield text(plot.x + plot.width - 2, y - 4, f"{label}: {short(value)}", anchor="end", colour="#d62728")
        yield from self.legend(box, legend)

    def scale(self, side, series):
        axis = self.properties.get("yAxis", {}).get(side, {})
        values = [value for _, data, its, _ in series if its == side for value in data.values()]
        values += [value for _, value in self.lines] if side == "left" else []
        low = axis.get("min", min([0, *values]))
        return low, axis.get("max", ceiling(max([low, *values]) - low) + low)

    def axes(self, box, plot, scales, has_right):
        for side in ("left", "right") if has_right else ("left",):
            low, high = scales[side]
            for step in range(5):
                value = low + (high - low) * step / 4
                y = height(plot, scales[side], value)
                if side == "left":
                    yield f"<line x1='{plot.x}' x2='{plot.x + plot.width}' y1='{y}' y2='{y}' stroke='#eaeded'/>"
                    yield text(plot.x - 5, y + 4, short(value), size=10, anchor="end", colour="#545b64")
                else:
                    yield text(plot.x + plot.width + 5, y + 4, short(value), size=10, colour="#545b64")
            label = self.properties.get("yAxis", {}).get(side, {}).get("label", "")
            x, anchor = (box.x + 10, "start") if side == "left" else (box.x + box.width - 10, "end")
            yield text(x, box.y + 36, label, size=10, anchor=anchor, colour="#545b64")
        form = "%H:%M" if self.last - self.first <= 86_400 else "%d %b"
        for step in range(5):
            time = self.first + (self.last - self.first) * step / 4
            x = plot.x + plot.width * step / 4
            words = datetime.fromtimestamp(time, UTC).strftime(form)
            anchor = {0: "start", 4: "end"}.get(step, "middle")
            yield text(x, plot.y + plot.height + 15, words, size=10, anchor=anchor, colour="#545b64")

    def stacked(self):
        total, stacked = {}, []
        for label, data, side in self.series:
            floor = {time: total.get(time, 0) for time in data}
            data = {time: value + floor[time] for time, value in data.items()}
            total |= data
            stacked.append((label, data, side, floor))
        return stacked

    def curve(self, plot, data, floor, scale, colour):
        def point(time, value):
            x = plot.x + plot.width * (time - self.first) / (self.last - self.first)
            return f"{round(x, 1)},{height(plot, scale, value)}"

        for run in runs(data, self.period):
            top = [point(time, data[time]) for time in run]
            if floor is not None and len(run) > 1:
                bottom = [point(time, floor[time]) for time in reversed(run)]
                yield f"<polygon points='{' '.join(top + bottom)}' fill='{colour}' fill-opacity='0.35'/>"
            yield f"<polyline points='{' '.join(top)}' fill='none' stroke='{colour}' stroke-width='1.6'/>"
            for spot in top if len(run) == 1 else ():
                x, y = spot.split(",")
                yield f"<circle cx='{x}' cy='{y}' r='2.6' fill='{colour}'/>"

    def legend_rows(self, box):
        """Labels with their places, as many in a row as fit; two rows at most."""
        rows, x = [[]], 0
        for place, (label, _, _) in enumerate(self.series):
            label = cut(label, box.width - 60)
            length = 22 + len(label) * CHARACTER
            if rows[-1] and x + length > box.width - 20:
                if len(rows) == 2:
                    break
                rows.append([])
                x = 0
            rows[-1].append((x, place, label))
            x += length
        return rows

    @staticmethod
    def legend(box, rows):
        for line, row in enumerate(rows):
            y = box.y + box.height - 8 - 16 * (len(rows) - 1 - line)
            for x, place, label in row:
                yield f"<rect x='{box.x + 12 + x}' y='{y - 9}' width='10' height='10' fill='{COLOURS[place % 10]}'/>"
                yield text(box.x + 26 + x, y, label)


def height(plot, scale, value):
    low, high = scale
    return round(plot.y + plot.height * (1 - (value - low) / (high - low)), 1)


def ceiling(value):
    """The next round number."""
    if value <= 0:
        return 1
    power = 10 ** (len(str(int(value))) - 1) if value >= 1 else 10 ** -9
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * power >= value)


def runs(data, period):
    """The times of the data, parted where a period has none."""
    run = []
    for time in sorted(data):
        if run and time - run[-1] > period:
            yield run
            run = []
        run.append(time)
    if run:
        yield run
