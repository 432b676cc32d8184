/** List the lines of a chart, each with a piece of it and room for a value. */
function legend(xLabel, lines) {
  const x = element("li", {}, `${xLabel} `, element("output"));
  const others = lines.map((line) => element("li", {}, piece(stroke(line)), `${line.name} `, element("output")));
  return element("ul", { className: "legend" }, x, ...others);
}

function piece({ stroke, dash, width }) {
  const svg = drawing("svg", { viewBox: "0 0 36 10", width: 36, height: 10, "aria-hidden": "true" });
  svg.append(drawing("path", { d: "M0 5h36", stroke, "stroke-dasharray": dash.join(" "), "stroke-width": width }));
  return svg;
}

/** Write the values at one place of the x-axis into a legend. */
function showValues(values, lines, [x, ...columns], place) {
  const [first, ...others] = values.querySelectorAll("output");
  first.textContent = plain(x[place]);
  others.forEach((output, index) => {
    const found = lines[index].notes ? nearest(columns[index], place) : place;
    const value = columns[index][found];
    output.textContent = value === null ? "–" : worded(lines[index], x[found], value);
  });
}

/** Return the nearest place that has a value. */
function nearest(column, place) {
  const known = column.flatMap((value, index) => (value === null ? [] : [index]));
  return known.reduce((best, index) => (Math.abs(index - place) < Math.abs(best - place) ? index : best), known[0]);
}

function worded({ x, notes }, at, value) {
  const note = notes?.[x.indexOf(at)];
  return note ? `${plain(value)} (${note})` : plain(value);
}

function plain(value) {
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}

/** Make what holds all values of a chart as a table, filled when it is opened. */
function valueTable(xLabel, lines, [x, ...columns]) {
  const made = element("details", { className: "values" }, element("summary", { textContent: "As a table" }));
  const cells = (kind, texts) => texts.map((textContent) => element(kind, { textContent }));
  const fill = () => {
    const head = element("tr", {}, ...cells("th", [xLabel, ...lines.map(({ name }) => name)]));
    const rows = x.map((value, place) => {
      const texts = columns.map((column) => (column[place] === null ? "–" : plain(column[place])));
      return element("tr", {}, ...cells("th", [plain(value)]), ...cells("td", texts));
    });
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
    made.append(element("div", { className: "scroll", tabIndex: 0 }, table));
  };
  made.addEventListener("toggle", fill, { once: true });
  return made;
}
