const quantity = document.getElementById("quantity");
const quantities = Object.keys(trainings[0].history).filter((name) => name !== "epoch");
quantity.append(...quantities.map((name) => element("option", { value: name, textContent: name.replace("_", " ") })));
quantity.value = quantities.includes("validation_accuracy") ? "validation_accuracy" : quantities[0];
quantity.addEventListener("change", drawHistory);

/** Make a line for each training, of what `values` returns of it: { x, y } and, perhaps, notes. */
function linesOf(values) {
  return trainings.map((training) => {
    const { name, colour, dash } = training;
    return { name, colour, dash, ...values(training) };
  });
}

function drawHistory() {
  const lines = linesOf(({ history }) => ({ x: history.epoch, y: history[quantity.value] }));
  chart("history", "epoch", quantity.value.replace("_", " "), lines);
}

function drawReliability() {
  const lines = linesOf(({ reliability: { confidence, accuracy, images } }) => {
    const notes = images.map((count, bin) => `at ${plain(confidence[bin])}, ${grouped(count)} images`);
    return { x: confidence, y: accuracy, notes };
  });
  const x = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  chart("reliability", "confidence", "accuracy", [...lines, { name: "as right as sure", x, y: x }]);
}

function drawCoverage() {
  const lines = linesOf(({ coverage }) => ({ x: coverage.coverage, y: coverage.accuracy }));
  chart("coverage", "share of the images", "accuracy", lines);
}

const corruption = document.getElementById("corruption");
if (corruption) {
  const names = Object.keys(trainings[0].robustness);
  corruption.append(...names.map((name) => element("option", { textContent: name })));
  corruption.value = "mean";
  corruption.addEventListener("change", drawRobustness);
}

function drawRobustness() {
  const lines = linesOf(({ robustness }) => ({ x: [1, 2, 3, 4, 5], y: robustness[corruption.value] }));
  chart("robustness", "strength", "accuracy", lines);
}

function drawCharts() {
  drawHistory();
  if (document.getElementById("reliability")) {
    drawReliability();
    drawCoverage();
  }
  if (corruption) drawRobustness();
}
