"use strict";
// Adds to a page that is whole without it: tables sort, and a segment can be picked out of every chart.
(() => {
  const decimal = document.documentElement.dataset.decimal || ".";
  const number = (text) => {
    const plain = text.replace(decimal === "," ? /[.\u202f\u00a0 ]/g : /[,’\u00a0 ]/g, "").replace(decimal, ".");
    const found = plain.replace("\u2212", "-").match(/-?\d+(\.\d+)?/);
    return found ? Number(found[0]) : null;
  };
  const button = (kind, cell, say) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = kind;
    if (say) made.title = say;
    made.append(...cell.childNodes);
    cell.append(made);
    return made;
  };
  for (const table of document.querySelectorAll("table")) {
    const [head, body, more] = [table.tHead, table.tBodies[0], table.tBodies[1]];
    if (!head || head.rows.length !== 1 || !body || more || body.rows.length < 3) continue;
    [...head.rows[0].cells].forEach((cell, at) => {
      button("sort", cell).addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") !== "descending";
        for (const other of head.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[at] ? row.cells[at].textContent.trim() : "";
        const numeric = cell.classList.contains("n");
        const rows = [...body.rows].map((row) => [row, numeric ? number(key(row)) : key(row)]);
        rows.sort(([, a], [, b]) => {
          // What has no number stays at the end.
          if (a === null || b === null) return (a === null) - (b === null);
          const order = numeric ? a - b : a.localeCompare(b, undefined, { numeric: true });
          return down ? -order : order;
        });
        body.append(...rows.map(([row]) => row));
      });
    });
  }
  const light = ["#053785", "#905845", "#28A077", "#632240", "#A2861D", "#1C6AB6", "#3E4100"];
  const show = (picked) => {
    for (const part of document.querySelectorAll(".chart svg [fill], .chart svg [stroke]")) {
      const at = light.findIndex((c) => c === part.getAttribute("fill") || c === part.getAttribute("stroke"));
      if (at >= 0) part.style.opacity = picked && picked !== "s" + at ? "0.12" : "";
    }
    for (const other of document.querySelectorAll(".pick")) {
      other.setAttribute("aria-pressed", String(other.closest("tr").dataset.segment === picked));
    }
  };
  let picked = null;
  for (const row of document.querySelectorAll("tr[data-segment]")) {
    const cell = row.cells[0];
    button("pick", cell, "Pick out in every chart").addEventListener("click", () => {
      picked = picked === row.dataset.segment ? null : row.dataset.segment;
      show(picked);
    });
  }
})();
