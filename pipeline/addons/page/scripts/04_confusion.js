const MOST_CLASSES = 30; // of a matrix; of more, the pairs that are confused most are listed
const MOST_PAIRS = 100;

const training = document.getElementById("training");

function counts({ predictions }) {
  const cells = content.classes.map(() => new Array(content.classes.length).fill(0));
  labels.forEach((label, image) => (cells[label][predictions[image]] += 1));
  return cells;
}

function openCell(row, column) {
  const { classes } = content;
  const of = chosen(training);
  const images = imagesWhere((image) => labels[image] === row && of.predictions[image] === column);
  openImages(`${of.name}: ${classes[row]} as ${classes[column]}`, images, [of]);
}

/** Make one cell: shades follow the square root, so that a class confused in 5 % of cases can be seen. */
function cellButton(count, total, row, column) {
  const { classes } = content;
  const made = element("button", {
    type: "button",
    textContent: count || "·",
    ariaLabel: `${classes[row]} as ${classes[column]}: ${count}`,
    className: row === column ? "right" : "",
    tabIndex: row || column ? -1 : 0,
  });
  made.style.background = `rgba(var(--cell), ${0.75 * Math.sqrt(count / Math.max(1, total))})`;
  made.addEventListener("click", () => openCell(row, column));
  return made;
}

function matrix(cells) {
  const { classes } = content;
  const heads = classes.map((name) => element("th", { scope: "col" }, element("span", { textContent: name })));
  const rows = cells.map((row, number) => {
    const total = row.reduce((a, b) => a + b, 0);
    const buttons = row.map((count, column) => element("td", {}, cellButton(count, total, number, column)));
    return element("tr", {}, element("th", { scope: "row", textContent: classes[number] }), ...buttons);
  });
  const corner = element("td", { textContent: "true ↓ predicted →" });
  const head = element("thead", {}, element("tr", {}, corner, ...heads));
  const made = element("table", { className: "matrix" }, head, element("tbody", {}, ...rows));
  made.addEventListener("keydown", moveBetweenCells);
  return element("div", { className: "scroll" }, made);
}

/** Let the arrow keys move the focus from cell to cell; one cell is reached by Tab. */
function moveBetweenCells(event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  const [row, column] = [cell.parentElement.sectionRowIndex + step[0], cell.cellIndex + step[1]];
  const next = event.currentTarget.tBodies[0].rows[row]?.cells[column]?.querySelector("button");
  if (!next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** Make a button for each pair of classes that is confused, the most frequent first. */
function rankedPairs(cells) {
  const { classes } = content;
  const pairs = cells.flatMap((row, label) => row.map((count, predicted) => ({ count, label, predicted })));
  const wrong = pairs.filter(({ count, label, predicted }) => count && label !== predicted);
  wrong.sort((a, b) => b.count - a.count);
  const buttons = wrong.slice(0, MOST_PAIRS).map(({ count, label, predicted }) => {
    const words = `${classes[label]} as ${classes[predicted]}: ${count}`;
    const made = element("button", { type: "button", textContent: words });
    made.addEventListener("click", () => openCell(label, predicted));
    return made;
  });
  return element("div", { className: "buttons" }, ...buttons);
}

/** Make two selects and a button that opens any cell, where there are too many classes for a matrix. */
function anyCell() {
  const options = () => content.classes.map((name, value) => element("option", { value, textContent: name }));
  const [label, predicted] = [0, 1].map(() => element("select", {}, ...options()));
  const open = element("button", { type: "button", textContent: "Open the images" });
  open.addEventListener("click", () => openCell(Number(label.value), Number(predicted.value)));
  const named = [element("label", {}, "True ", label), element("label", {}, "Predicted ", predicted)];
  return element("p", { className: "controls" }, ...named, open);
}

function drawConfusion() {
  const cells = counts(chosen(training));
  const many = content.classes.length > MOST_CLASSES;
  document.getElementById("matrix").replaceChildren(...(many ? [anyCell(), rankedPairs(cells)] : [matrix(cells)]));
}

chooseTraining(training, best(), drawConfusion);
drawConfusion();
