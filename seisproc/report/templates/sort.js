"use strict";
function compare(one, two) {
  const a = one.dataset.v ?? one.textContent.trim(), b = two.dataset.v ?? two.textContent.trim();
  if (a === "" || b === "") return (a === "") - (b === "") || 0;
  const x = Number(a), y = Number(b);
  return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", {numeric: true}) : x - y;
}
function sort(heading) {
  const table = heading.closest("table"), body = table.tBodies[0], at = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  const empty = (row) => (row.cells[at].dataset.v ?? row.cells[at].textContent.trim()) === "";
  const rows = [...body.rows].sort((one, two) => {
    const order = compare(one.cells[at], two.cells[at]);
    return down && !empty(one) && !empty(two) ? -order : order;
  });
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
}
for (const heading of document.querySelectorAll("table.sortable thead th")) {
  heading.tabIndex = 0;
  heading.addEventListener("click", () => sort(heading));
  heading.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(heading); }
  });
}
const filter = document.getElementById("filter");
filter.hidden = false;
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  for (const row of document.querySelector("#surveys tbody").rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
});
