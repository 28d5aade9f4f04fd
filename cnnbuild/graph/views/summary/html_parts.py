"""The style and the script of HTML tables."""

FRAGMENT_STYLE = """
.cnnbuild-table { font: 13px/1.45 system-ui, sans-serif; overflow-x: auto; }
.cnnbuild-table table { font: inherit; color: inherit; font-variant-numeric: tabular-nums;
  border-collapse: collapse; margin: 0; }
.cnnbuild-table caption { text-align: left; padding: 0 0 8px; font-size: 15px; white-space: nowrap; }
.cnnbuild-table th, .cnnbuild-table td { padding: 2px 9px; white-space: nowrap; border: 0; background: none; }
.cnnbuild-table .left { text-align: left; }
.cnnbuild-table .right { text-align: right; }
.cnnbuild-table thead th { border-bottom: 1px solid currentColor; font-weight: 600; vertical-align: bottom; }
.cnnbuild-table tbody th { font-weight: inherit; }
.cnnbuild-table .name { font-family: ui-monospace, monospace;
  padding-left: calc(9px + 18px * var(--indent, 0)); }
.cnnbuild-table tbody tr { border-top: 1px solid rgba(128, 128, 128, .18); }
.cnnbuild-table tbody tr:hover { background: rgba(128, 128, 128, .14); }
.cnnbuild-table .heading { font-weight: 600; }
.cnnbuild-table .heading, .cnnbuild-table .heading:hover { background: rgba(128, 128, 128, .1); }
.cnnbuild-table .fault { color: #c2402a; }
.cnnbuild-table .row .share { background: rgba(70, 130, 220, calc(var(--share) * .42)); }
.cnnbuild-table dl { display: grid; grid-template-columns: max-content minmax(0, 90ch); gap: 3px 14px;
  margin: 14px 0 0; padding: 0 9px; }
.cnnbuild-table dt { font-weight: 600; }
.cnnbuild-table dd { margin: 0; white-space: normal; text-align: left; }
"""
"""Scoped to the table; colours follow the text, so that it fits light and dark notebooks."""

PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 24px; background: Canvas; color: CanvasText; }
.cnnbuild-table { overflow: visible; }
.cnnbuild-table thead th { position: sticky; top: 0; background: Canvas; z-index: 1;
  border-bottom: 0; box-shadow: inset 0 -1px CanvasText; }
.cnnbuild-table thead button { all: unset; cursor: pointer; }
.cnnbuild-table thead button:focus-visible { outline: 2px solid; outline-offset: 3px; }
.cnnbuild-table th[aria-sort] button::after { content: " \\25BE"; }
.cnnbuild-table th[aria-sort=ascending] button::after { content: " \\25B4"; }
.cnnbuild-table .sorted .heading { display: none; }
.cnnbuild-table .sorted .name { padding-left: 9px; }
@media print { .cnnbuild-table thead th { position: static; } }
"""

SORTING = """
for (const table of document.querySelectorAll(".cnnbuild-table table")) {
  const body = table.tBodies[0], order = [...body.rows], heads = [...table.tHead.rows[0].cells];
  for (const row of order) {
    const name = row.querySelector(".name");
    name.dataset.short = name.textContent;
  }
  const value = (row, at) => {
    const cell = row.cells[at];
    return cell && "value" in cell.dataset ? Number(cell.dataset.value) : null;
  };
  heads.forEach((head, at) => head.firstChild.addEventListener("click", () => {
    const before = head.getAttribute("aria-sort");
    const next = before === null ? "descending" : before === "descending" ? "ascending" : null;
    heads.forEach(other => other.removeAttribute("aria-sort"));
    const rows = [...order];
    if (next) {
      head.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      rows.sort((a, b) => {
        const [x, y] = [value(a, at), value(b, at)];
        if (x !== null && y !== null) return sign * (x - y);
        if (x !== null || y !== null) return x === null ? 1 : -1;
        const [v, w] = [a, b].map(row => row.cells[at] ? row.cells[at].textContent : "");
        return sign * v.localeCompare(w, "en", {numeric: true});
      });
    }
    table.classList.toggle("sorted", next !== null);
    for (const row of rows) {
      const name = row.querySelector(".name");
      name.textContent = next && name.dataset.name || name.dataset.short;
      body.append(row);
    }
  }));
}
"""
"""Sorts by a column: falling, rising, and back to the order of computation.

While rows are sorted, headings are hidden and names are whole.
"""
