"""Draws the ratios of a report of figures.py as horizontal bars, in SVG."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 900, 190, 120
BAR, GAP, HEAD = 15, 14, 58
# A noisy machine shows ratios beyond all reason; the axis does not follow.
LONGEST = 3.0
VERDICT = {True: "met", False: "missed", None: "unclear"}
OURS, IN_TREE, GOAL, TEXT, FAINT = "#c4461f", "#7f93a8", "#1a7f37", "#222", "#ddd"


def text(x, y, words, size=13, anchor="start", fill=TEXT, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )


def rectangle(x, y, width, height, fill):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{fill}"/>'


def line(x1, y1, x2, y2, stroke, width=1, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}" {more}/>'


def panel(rows, title, y, parts):
    """One mode: a pair of bars for each row. Returns where the next one goes."""
    seen = [row[key] for row in rows for key in ("ratio_high", "ratio_in_tree", "goal") if row[key] is not None]
    longest = min(max(1.1, *seen), LONGEST)

    def end(ratio):
        return LEFT + min(ratio, longest) * scale

    scale = (WIDTH - LEFT - RIGHT) / longest
    parts.append(text(16, y + 18, title, 15, weight="bold"))
    top, y = y + HEAD - 22, y + HEAD
    bottom = y + len(rows) * (2 * BAR + GAP) - GAP / 2
    for step in range(int(longest / 0.25) + 1):
        ratio = step / 4
        x = LEFT + ratio * scale
        parts.append(line(x, top + 14, x, bottom, TEXT if ratio == 1 else FAINT))
        parts.append(text(x, top + 9, f"{ratio:g}", 11, "middle", "#666"))
    for row in rows:
        parts.append(text(LEFT - 10, y + BAR + 5, row["label"].strip(), anchor="end"))
        if row["ratio_in_tree"] is not None:
            parts.append(rectangle(LEFT, y, end(row["ratio_in_tree"]) - LEFT, BAR, IN_TREE))
            parts.append(text(LEFT + 5, y + BAR - 3, f"{row['ratio_in_tree']:.2f}", 11, fill="#fff"))
        parts.append(rectangle(LEFT, y + BAR, end(row["ratio"]) - LEFT, BAR, OURS))
        parts.append(text(LEFT + 5, y + 2 * BAR - 3, f"{row['ratio']:.3f}", 11, fill="#fff"))
        middle = y + 1.5 * BAR
        parts.append(line(end(row["ratio_low"]), middle, end(row["ratio_high"]), middle, TEXT, 2))
        if row["goal"] is not None:
            x = end(row["goal"])
            parts.append(line(x, y - 3, x, y + 2 * BAR + 3, GOAL, 3))
            sign = "\u2264" if row["lower_is_better"] else "\u2265"
            words = f"{sign} {row['goal']:g} {VERDICT[row['met']]}"
            parts.append(text(WIDTH - RIGHT + 12, y + BAR + 5, words, fill=GOAL if row["met"] else OURS))
        elif row["lower_is_better"]:
            parts.append(text(WIDTH - RIGHT + 12, y + BAR + 5, "less is better", fill="#666"))
        y += 2 * BAR + GAP
    return y + 16


def legend(facts, parts):
    parts.append(text(16, 26, "MPTCP in Rust beside plain TCP: ratios, TCP = 1", 18, weight="bold"))
    shown = (facts.get(k) for k in ("kernel", "cpu", "accelerator", "commit", "date"))
    parts.append(text(16, 46, ", ".join(fact for fact in shown if fact), 11, fill="#666"))
    x = 16
    for fill, words in ((IN_TREE, "in-tree MPTCP"), (OURS, "this module (of TCP beside us: plain TCP)"), (GOAL, "goal")):
        parts.append(rectangle(x, 58, 14, 12, fill))
        parts.append(text(x + 20, 69, words, 12))
        x += 40 + 7 * len(words)
    parts.append(line(x, 64, x + 20, 64, TEXT, 2))
    parts.append(text(x + 26, 69, "smallest to largest round", 12))


def draw(report):
    parts, y = [], 92
    legend(report["facts"], parts)
    for mode in report["modes"].values():
        y = panel(mode["rows"], mode["title"], y, parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" width="{WIDTH}" height="{y:.0f}"'
        f' font-family="DejaVu Sans, Verdana, sans-serif">\n{rectangle(0, 0, WIDTH, y, "#fff")}\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
