const MOST_CLASSES = 30; // of a matrix; of more, the pairs that are confused most are listed

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
  const head = element("tr", {}, element("td"), ...classes.map((name) => element("th", { scope: "col" }, element("span", { textContent: name }))));
  const rows = cells.map((row, number) => {
    const total = row.reduce((a, b) => a + b, 0);
    const buttons = row.map((count, column) => element("td", {}, cellButton(count, total, number, column)));
    return element("tr", {}, element("th", { scope: "row", textContent: classes[number] }), ...buttons);
  });
  const made = element("table", { className: "matrix" }, element("thead", {}, head), element("tbody", {}, ...rows));
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

function rankedPairs(cells) {
  const { classes } = content;
  const pairs = cells.flatMap((row, true_) => row.map((count, predicted) => ({ count, true_, predicted })));
  const wrong = pairs.filter(({ count, true_, predicted }) => count && true_ !== predicted);
  const buttons = wrong.sort((a, b) => b.count - a.count).slice(0, 100).map(({ count, true_, predicted }) => {
    const made = element("button", { type: "button", textContent: `${classes[true_]} as ${classes[predicted]}: ${count}` });
    made.addEventListener("click", () => openCell(true_, predicted));
    return made;
  });
  return element("div", { className: "buttons" }, ...buttons);
}

function drawConfusion() {
  const cells = counts(chosen(training));
  const draw = content.classes.length > MOST_CLASSES ? rankedPairs : matrix;
  document.getElementById("matrix").replaceChildren(draw(cells));
}

chooseTraining(training, best(), drawConfusion);
drawConfusion();
