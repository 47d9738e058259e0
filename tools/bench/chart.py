"""Draws the ratios of a report of figures.py as horizontal bars, in SVG."""

from svg import FAINT, GREY, TEXT, line, picture, rectangle, text

WIDTH, LEFT, RIGHT = 900, 190, 120
BAR, GAP, HEAD = 15, 14, 58
# A noisy machine shows ratios beyond all reason; the axis does not follow.
LONGEST = 3.0
VERDICT = {True: "met", False: "missed", None: "unclear"}
OURS, IN_TREE, GOAL = "#c4461f", "#7f93a8", "#1a7f37"


def axis(rows):
    """Where it ends, and its steps: of ratios, or of what has a unit."""
    seen = [row[key] for row in rows for key in ("high", "bar_in_tree", "goal") if row[key] is not None]
    if not rows[0]["unit"]:
        return min(max(1.1, *seen), LONGEST), 0.25
    longest = 1.05 * max(seen)
    return longest, next((step for step in (10, 25, 50, 100, 250, 500) if longest / step < 9), 1000)


def goal_of(row, x, y, parts):
    sign = "\u2264" if row["lower_is_better"] else "\u2265"
    words = f"{sign} {row['goal']:g} {'missing' if row['missing'] else VERDICT[row['met']]}"
    parts.append(line(x, y - 3, x, y + 2 * BAR + 3, GOAL, 3))
    parts.append(text(WIDTH - RIGHT + 12, y + BAR + 5, words, fill=GOAL if row["met"] else OURS))


def bars(row, y, end, parts):
    """In-tree's above ours, with the goal across both."""
    digits = ".0f" if row["unit"] else ".3f"
    parts.append(text(LEFT - 10, y + BAR + 5, row["label"].strip(), anchor="end"))
    if row["bar_in_tree"] is not None:
        parts.append(rectangle(LEFT, y, end(row["bar_in_tree"]) - LEFT, BAR, IN_TREE))
        parts.append(text(LEFT + 5, y + BAR - 3, f"{row['bar_in_tree']:{digits}}", 11, fill="#fff"))
    if row["bar"] is None:
        parts.append(text(LEFT + 5, y + 2 * BAR - 3, row["missing"], 11, fill=OURS))
    else:
        parts.append(rectangle(LEFT, y + BAR, end(row["bar"]) - LEFT, BAR, OURS))
        parts.append(text(LEFT + 5, y + 2 * BAR - 3, f"{row['bar']:{digits}}", 11, fill="#fff"))
        middle = y + 1.5 * BAR
        parts.append(line(end(row["low"]), middle, end(row["high"]), middle, TEXT, 2))
    if row["goal"] is not None:
        goal_of(row, end(row["goal"]), y, parts)
    elif row["lower_is_better"]:
        parts.append(text(WIDTH - RIGHT + 12, y + BAR + 5, "less is better", fill=GREY))


def panel(rows, title, y, parts):
    """One mode, or what in it has a unit: a pair of bars for each row. Returns where the next one goes."""
    longest, step = axis(rows)
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts.append(text(16, y + 18, title, 15, weight="bold"))
    top, y = y + HEAD - 22, y + HEAD
    bottom = y + len(rows) * (2 * BAR + GAP) - GAP / 2
    for number in range(int(longest / step) + 1):
        mark = number * step
        x = LEFT + mark * scale
        parts.append(line(x, top + 14, x, bottom, TEXT if mark == 1 else FAINT))
        parts.append(text(x, top + 9, f"{mark:g}", 11, "middle", GREY))
    for row in rows:
        bars(row, y, lambda value: LEFT + min(value, longest) * scale, parts)
        y += 2 * BAR + GAP
    return y + 16


def legend(facts, parts):
    parts.append(text(16, 26, "MPTCP in Rust beside plain TCP: ratios, TCP = 1", 18, weight="bold"))
    shown = (facts.get(k) for k in ("kernel", "cpu", "accelerator", "commit", "date"))
    parts.append(text(16, 46, ", ".join(fact for fact in shown if fact), 11, fill=GREY))
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
        for with_unit, title in ((False, mode["title"]), (True, "longest gap that a reader sees when a path dies, ms")):
            rows = [row for row in mode["rows"] if bool(row["unit"]) == with_unit]
            if rows:
                y = panel(rows, title, y, parts)
    return picture(WIDTH, y, parts)
