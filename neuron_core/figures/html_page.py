"""One HTML file with tables and figures. It includes plotly.js and opens without a network. No torch."""

import base64
import gzip
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from neuron_core.cni.methods import source_title
from neuron_core.figures.theme import MINUS, describe, three_figures

METHOD_COLUMNS = ("method", "source")

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1000px; padding: 1rem 1.5rem 4rem;
       background: Canvas; color: CanvasText; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); } h3 { margin-bottom: .3rem; }
.lead p { font-size: 1.15rem; margin: .4rem 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { position: sticky; top: 0; background: Canvas; }
.wide { overflow-x: auto; max-height: 36rem; } nav a { margin-right: 1rem; white-space: nowrap; }
.setting { background: var(--soft); padding: .5rem 1rem; overflow-x: auto; }
.setting th, .setting td { text-align: left; white-space: normal; padding: .1rem .6rem; vertical-align: top; }
.setting td { overflow-wrap: anywhere; }
.setting thead th { background: none; position: static; } .setting table table { font-size: 1em; }
figure { margin: 1rem 0; } figcaption { font-size: .85rem; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .modebar-container { display: none; }
  h2, h3 { break-after: avoid; } figure, tr { break-inside: avoid; } h2 { margin-top: 1.2rem; }
  .wide, .setting { overflow: visible; max-height: none; }
  .setting tr { break-inside: auto; } .setting td { padding: 0 .4rem; }
  table { font-size: 7pt; max-width: 100%; } th, td { white-space: normal; padding: .1rem .3rem; }
  thead th { position: static; }
  /* Two on a page. */
  figure { zoom: .7; margin: 0; } .lead p { font-size: 1em; }
  .plot { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  /* Numbers in coloured cells keep the colour that is read on them. */
  .plot text:not(.hm text, [style*="font-weight: 600"]) { fill: #1F2933 !important; }
}
"""
# Figures have no text colour of their own; the script gives them that of the page, which may be light or dark.
# The script of Plotly is included in compressed form, which is a third of its size.
SCRIPT = """
(async () => {
  try {
    const bytes = Uint8Array.from(atob(document.getElementById('plotly').textContent), one => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  } catch (error) {
    for (const place of document.querySelectorAll('.plot'))
      place.append('This figure needs a newer browser (2023 or later). The tables are complete.');
    return;
  }
  for (const place of document.querySelectorAll('.plot')) {
    const figure = JSON.parse(place.querySelector('script').textContent);
    figure.layout.font = Object.assign({}, figure.layout.font, {color: getComputedStyle(document.body).color});
    const target = document.createElement('div');
    place.appendChild(target);
    Plotly.newPlot(target, figure.data, figure.layout, {responsive: true, displaylogo: false});
  }
})();
"""


@dataclass(frozen=True, eq=False)
class Section:
    """A section of a report: a text, and tables and figures with their captions."""

    name: str
    "short name, used as the anchor and in the list at the top"
    title: str
    text: str = ""
    tables: Sequence[tuple[str, pd.DataFrame]] = field(default_factory=tuple)
    figures: Sequence[tuple[str, go.Figure]] = field(default_factory=tuple)
    link: str = ""
    "what the list at the top calls it, where that is not its short name"


def html_report(
    title: str, setting: Mapping[str, object], sections: Sequence[Section], lead: Sequence[str] = ()
) -> str:
    """The report as HTML: the main results, the sections, and the settings.

    lead: sentences below the title. setting: all settings behind the results, shown at the end.
    """
    names = {section.name: section.link or section.name for section in sections} | {"setting": "Settings"}
    links = " ".join(f'<a href="#{_text(name)}">{_text(said)}</a>' for name, said in names.items())
    script = base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Without an icon, a browser would request one.
            f'<link rel="icon" href="data:,"><style>{STYLE}</style></head><body>',
            f"<h1>{_text(title)}</h1>",
            *([f'<div class="lead">{"".join(f"<p>{_text(one)}</p>" for one in lead)}</div>'] if lead else []),
            f"<nav>{links}</nav>",
            *(_section(section) for section in sections),
            _setting(setting),
            f'<script id="plotly" type="application/gzip">{script}</script>',
            f"<script>{SCRIPT}</script>",
            "</body></html>",
        ]
    )


def _setting(setting: Mapping[str, object]) -> str:
    return f'<section id="setting"><h2>Settings</h2><div class="setting">{_value(setting)}</div></section>'


def _value(value: object) -> str:
    """Nested values as nested tables. A list of records becomes one table."""
    if isinstance(value, Mapping):
        rows = (f"<tr><th>{_text(name)}</th><td>{_value(one)}</td></tr>" for name, one in value.items())
        return f"<table>{''.join(rows)}</table>"
    if isinstance(value, list | tuple):
        if value and all(isinstance(one, Mapping) for one in value):
            return _table(pd.DataFrame(list(value)))
        return ", ".join(_value(one) for one in value) or "–"
    # An empty text (a line of the prompt that is left out) is not the same as None (unchanged).
    return "–" if value is None else _text("(empty)" if value == "" else value)


def _section(section: Section) -> str:
    parts = [f'<section id="{_text(section.name)}"><h2>{_text(section.title)}</h2>']
    if section.text:
        parts.append(f"<p>{_text(section.text)}</p>")
    for caption, figure in section.figures:
        # No text inside may close the script element.
        data = (figure.to_json() or "").replace("<", "\\u003c")
        parts.append(
            f'<figure><div class="plot" role="img" aria-label="{_text(describe(figure))}">'
            f'<script type="application/json">{data}</script></div><figcaption>{_text(caption)}</figcaption></figure>'
        )
    for caption, table in section.tables:
        parts.append(f"<h3>{_text(caption)}</h3><div class='wide'>{_table(table)}</div>")
    return "\n".join([*parts, "</section>"])


def _table(table: pd.DataFrame) -> str:
    # Names of columns have underscores; those with spaces are names of tasks too, which stay as they are.
    named = (str(name) for name in table.columns)
    head = "".join(f"<th>{_text(name if ' ' in name else name.replace('_', ' '))}</th>" for name in named)
    shown = pd.DataFrame({place: _column(table.iloc[:, place]) for place in range(table.shape[1])}, dtype=str)
    rows = ("".join(f"<td>{_text(value)}</td>" for value in row) for row in shown.itertuples(index=False))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _column(values: pd.Series) -> list[str]:
    """The values of a column as they are shown: methods by their titles, whole numbers whole."""
    if values.name in METHOD_COLUMNS:
        return [_shown(source_title(value) if isinstance(value, str) else value) for value in values]
    known = [value for value in values if isinstance(value, float) and value == value]
    # Whole numbers beside missing ones are floats too.
    if 0 < len(known) < len(values) and all(value.is_integer() for value in known):
        return [f"{value:,.0f}".replace("-", MINUS) if value == value else "–" for value in values]
    return list(map(_shown, values))


def _shown(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, float):
        return f"{value:,.1f}".replace("-", MINUS) if abs(value) >= 1 else three_figures(value)
    return str(value)


def _text(value: object) -> str:
    return html.escape(str(value))
