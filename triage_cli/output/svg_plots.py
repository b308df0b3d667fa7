"""Plots as SVG text for a page that loads nothing: bars, lines, and a week by hours. Readable without colours."""

from collections.abc import Sequence
from html import escape

from triage.say import say
from triage.text.sanitize import escape_visible

ROW, LABEL, WIDTH = 24, 190, 520  # pixels
FROM_ABOVE = say("In each row, from the top:")


def escape_text(words: str) -> str:
    """Words for SVG and HTML, harmless whatever mail they come from."""
    return escape(escape_visible(words))


def draw_bars(
    title: str, kinds: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]], words: Sequence[Sequence[str]], says: str = FROM_ABOVE
) -> str:
    """Bars of each kind for each row, one below the other, as long as their numbers are large; `words` stand behind them.

    `says`: what stands before the names of the kinds.
    """
    most = max((number for _, numbers in rows for number in numbers), default=0) or 1
    thin, parts = (ROW if len(kinds) == 1 else ROW - 8), []
    height = thin * len(kinds) + 4
    for place, (name, numbers) in enumerate(rows):
        top = place * height
        short, whole = escape_text(shorten_name(name)), escape_text(name)
        parts.append(f'<text x="{LABEL - 8}" y="{top + 16}" text-anchor="end">{short}<title>{whole}</title></text>')
        for kind, number in enumerate(numbers):
            y, width = top + kind * thin, WIDTH * number / most
            size = f'x="{LABEL}" y="{y + 3}" width="{width:.1f}" height="{thin - 4}"'
            said = escape_text(words[place][kind])
            title = f"<title>{whole}, {escape_text(kinds[kind])}: {said}</title>"
            parts.append(f'<rect class="{"b1" if kind else "held"}" {size}>{title}</rect>')
            parts.append(f'<text x="{LABEL + width + 8:.1f}" y="{y + thin / 2 + 5:.0f}">{said}</text>')
    return draw_key(kinds, says) + wrap_svg(title, LABEL + WIDTH + 120, len(rows) * height, parts)


def draw_key(kinds: Sequence[str], says: str) -> str:
    """Returns the legend of a chart, "" where it shows only one kind of bar."""
    if len(kinds) < 2:
        return ""
    return f"<p>{escape_text(says)} {', '.join(map(escape_text, kinds))}.</p>"


def shorten_name(name: str) -> str:
    """Shortens a name to the room that there is."""
    return name if len(name) <= 30 else f"{name[:29]}…"


def draw_lines(title: str, kinds: Sequence[str], rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """A line for each kind over the rows, with its name at its end."""
    most = max((number for _, numbers in rows for number in numbers), default=0) or 1
    left, height, step = 60, 200, WIDTH / max(1, len(rows) - 1)
    parts = []
    for part in range(5):
        y = height - height * part / 4
        parts.append(
            f'<line x1="{left}" x2="{left + WIDTH}" y1="{y + 10:.0f}" y2="{y + 10:.0f}" stroke="currentColor" stroke-opacity=".2"/>'
        )
        parts.append(f'<text x="{left - 6}" y="{y + 14:.0f}" text-anchor="end">{most * part / 4:g}</text>')
    every = max(1, len(rows) // 6)
    parts += [
        f'<text x="{left + place * step:.0f}" y="{height + 28}" text-anchor="middle">{escape_text(name)}</text>'
        for place, (name, _) in enumerate(rows)
        if place % every == 0
    ]
    ends = move_apart([height - height * rows[-1][1][kind] / most + 14 if rows else 0 for kind in range(len(kinds))], height + 24)
    for kind, name in enumerate(kinds):
        points = " ".join(
            f"{left + place * step:.1f},{10 + height - height * numbers[kind] / most:.1f}" for place, (_, numbers) in enumerate(rows)
        )
        parts.append(f'<polyline class="s{kind}" points="{points}"><title>{escape_text(name)}</title></polyline>')
        parts.append(f'<text x="{left + WIDTH + 6}" y="{ends[kind]:.0f}">{escape_text(name)}</text>')
    return wrap_svg(title, left + WIDTH + 150, height + 40, parts)


def move_apart(places: Sequence[float], lowest: float, least: float = 14) -> list[float]:
    """The same places, moved apart where names would lie on one another, none below the lowest one."""
    found = list(places)
    following = lowest + least
    for kind in sorted(range(len(places)), key=lambda one: -places[one]):
        found[kind] = following = min(places[kind], following - least)
    return found


def draw_week(title: str, days: Sequence[str], grid: Sequence[Sequence[float]]) -> str:
    """A cell for each weekday and hour, the darker the larger its number, which stands in it."""
    most = max((number for hours in grid for number in hours), default=0) or 1
    cell, left = 28, 90
    parts = [f'<text x="{left + hour * cell + cell / 2}" y="14" text-anchor="middle">{hour}</text>' for hour in range(24)]
    for place, (day, hours) in enumerate(zip(days, grid, strict=True)):
        top = 20 + place * cell
        parts.append(f'<text x="{left - 8}" y="{top + 18}" text-anchor="end">{escape_text(day)}</text>')
        for hour, number in enumerate(hours):
            x, shade = left + hour * cell, 0.06 + 0.94 * number / most
            box = f'x="{x}" y="{top}" width="{cell - 2}" height="{cell - 2}"'
            parts.append(
                f'<rect class="held" fill-opacity="{shade:.2f}" {box}><title>{escape_text(day)} {hour}:00: {number:.1f}</title></rect>'
            )
            if number >= 0.05:
                dark = ' class="in"' if number > 0.7 * most else ""
                parts.append(f'<text{dark} x="{x + cell / 2 - 1}" y="{top + 17}" text-anchor="middle" font-size="10">{number:.1f}</text>')
    return wrap_svg(title, left + 24 * cell, 20 + 7 * cell, parts)


def wrap_svg(title: str, width: int, height: int, parts: Sequence[str]) -> str:
    """The plot with its name for those who do not see it."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f'<svg role="img" aria-label="{escape_text(title)}" {size}>{"".join(parts)}</svg>'
