"""The shapes of which chart.py and the demo's pictures are made, in SVG."""

from xml.sax.saxutils import escape

TEXT, GREY, FAINT = "#222", "#666", "#ddd"


def text(x, y, words, size=13, anchor="start", fill=TEXT, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )


def rectangle(x, y, width, height, fill):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{fill}"/>'


def line(x1, y1, x2, y2, stroke, width=1, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}" {more}/>'


def path(d, fill):
    return f'<path d="{d}" fill="{fill}"/>'


def picture(width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" width="{width}" height="{height:.0f}"'
        f' font-family="DejaVu Sans, Verdana, sans-serif">\n{rectangle(0, 0, width, height, "#fff")}\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
