/** Sort a table's rows by a column: numbers by the first number of a cell, all else as text. */
function sortBy(table, column, descending) {
  const cell = (row) => row.cells[column].textContent.replaceAll(",", "");
  const key = (row) => {
    const number = parseFloat(cell(row).replace(/^[<\s]+/, ""));
    return Number.isNaN(number) ? cell(row) : number;
  };
  const numeric = (a, b) => typeof a === "number" && typeof b === "number";
  const compare = (a, b) => (numeric(a, b) ? a - b : String(a).localeCompare(String(b)));
  const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b)) * (descending ? -1 : 1));
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) =>
    head.querySelector("button").addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(table, column, descending);
    }),
  );
}
