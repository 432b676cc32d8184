const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const HEIGHT = 340;
const WIDEST = 860;
const plots = new Map(); // by the id of what each stands in

/**
 * Draw lines, each of { name, colour, dash, x, y, notes }, with the values at one x beneath, which pointer and arrow
 * keys choose. `notes` say more about each value of a line, whose nearest value is shown where it has none; a line
 * without a colour is one of reference, thin and grey.
 */
function chart(id, xLabel, yLabel, lines) {
  const into = document.getElementById(id);
  const drawn = lines.filter(({ y }) => y);
  const data = aligned(drawn);
  const values = legend(xLabel, drawn);
  const tell = ({ cursor }) => showValues(values, drawn, data, cursor.idx ?? data[0].length - 1);
  const canvas = element("div", { className: "plot", tabIndex: 0, role: "application" });
  canvas.ariaLabel = `${yLabel} against ${xLabel}, ${drawn.length} lines; arrow keys step through the values`;
  into.replaceChildren(canvas, values, valueTable(xLabel, drawn, data));
  const plot = new uPlot(options(widthOf(into), xLabel, yLabel, drawn, tell), data, canvas);
  canvas.addEventListener("keydown", (event) => stepThrough(event, plot));
  plots.set(id, plot);
  tell(plot);
}

/** Put lines of different x on one x-axis: sorted values, and null where a line has none. */
function aligned(lines) {
  const x = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  return [x, ...lines.map((line) => x.map((value) => line.y[line.x.indexOf(value)] ?? null))];
}

function widthOf(into) {
  return Math.min(into.clientWidth, WIDEST);
}

function options(width, xLabel, yLabel, lines, tell) {
  const whole = lines.every(({ x }) => x.every(Number.isInteger));
  const ticks = whole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] } : {};
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false } },
    axes: [{ ...axis(xLabel), ...ticks }, axis(yLabel)],
    series: [{}, ...lines.map(stroke)],
    hooks: { setCursor: [tell] },
  };
}

function axis(label) {
  const line = { stroke: style("--line"), width: 1 };
  return { label, stroke: style("--ink"), grid: line, ticks: line };
}

function stroke({ colour, dash, x }) {
  const isReference = colour === undefined;
  return {
    spanGaps: true,
    stroke: style(isReference ? "--quiet" : seriesOf(colour)),
    dash: isReference ? [] : DASHES[dash % DASHES.length],
    width: isReference ? 1 : 2,
    points: { show: !isReference && x.length < 40, size: 5 },
  };
}

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function stepThrough(event, plot) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const last = plot.data[0].length - 1;
  if (!by) return;
  event.preventDefault();
  const index = Math.min(last, Math.max(0, (plot.cursor.idx ?? last) + by));
  plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 0 });
}
