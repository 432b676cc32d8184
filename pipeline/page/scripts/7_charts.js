const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Put series of different x on one x-axis: sorted values, and null where a series has none. */
function aligned(series) {
  const x = [...new Set(series.flatMap(([xs]) => xs))].sort((a, b) => a - b);
  return [x, ...series.map(([xs, ys]) => x.map((value) => ys[xs.indexOf(value)] ?? null))];
}

function axis(label) {
  const line = { stroke: style("--line"), width: 1 };
  return { label, stroke: style("--ink"), grid: line, ticks: line };
}

/** Draw a line a training, with the values under the pointer in the legend. */
function chart(id, xLabel, yLabel, series) {
  const into = document.getElementById(id);
  const drawn = series.filter(([, xs]) => xs);
  const value = (_, number) => (number == null ? "–" : number.toFixed(4));
  const lines = drawn.map(([label], index) => ({
    label,
    value,
    spanGaps: true,
    stroke: style(`--series${(index % 6) + 1}`),
    dash: DASHES[index % DASHES.length],
    width: 2,
    points: { show: true, size: 5 },
  }));
  const options = {
    width: Math.min(into.clientWidth, 860),
    height: 340,
    scales: { x: { time: false } },
    axes: [axis(xLabel), axis(yLabel)],
    series: [{ label: xLabel, value }, ...lines],
  };
  into.replaceChildren();
  into.setAttribute("role", "group");
  into.setAttribute("aria-label", `${yLabel} against ${xLabel} of ${drawn.map(([label]) => label).join(", ")}`);
  new uPlot(options, aligned(drawn.map(([, xs, ys]) => [xs, ys])), into);
}

const quantity = document.getElementById("quantity");
const quantities = Object.keys(trainings[0].history).filter((name) => name !== "epoch");
quantity.append(...quantities.map((name) => element("option", { value: name, textContent: name.replace("_", " ") })));
quantity.value = quantities.includes("validation_accuracy") ? "validation_accuracy" : quantities[0];

function drawHistory() {
  const series = trainings.map(({ name, history }) => [name, history.epoch, history[quantity.value]]);
  chart("history", "epoch", quantity.value.replace("_", " "), series);
}

const corruption = document.getElementById("corruption");
if (corruption) {
  const names = Object.keys(trainings[0].robustness);
  corruption.append(...names.map((name) => element("option", { textContent: name })));
  corruption.value = "mean";
  corruption.addEventListener("change", drawRobustness);
}

function drawRobustness() {
  const series = trainings.map(({ name, robustness }) => [name, [1, 2, 3, 4, 5], robustness[corruption.value]]);
  chart("robustness", "strength", "accuracy", series);
}

function drawCharts() {
  if (corruption) drawRobustness();
  drawHistory();
  const reliability = trainings.map(({ name, reliability: table }) => [name, table.confidence, table.accuracy]);
  chart("reliability", "confidence", "accuracy", reliability);
  chart("coverage", "share of the images", "accuracy", trainings.map(({ name, coverage }) => [name, coverage.coverage, coverage.accuracy]));
}

quantity.addEventListener("change", drawHistory);
addEventListener("resize", drawCharts);
