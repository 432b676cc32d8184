const MOST_BARS = 30; // classes; of more, those of the lowest mean score

const score = document.getElementById("score");

function bar({ name, colour }, value) {
  const fill = element("div", { className: "fill" });
  fill.style.width = `${100 * value}%`;
  fill.style.background = `var(${seriesOf(colour)})`;
  return element(
    "div",
    { className: "bar" },
    element("span", { textContent: name }),
    element("div", { className: "track" }, fill),
    element("span", { className: "value", textContent: value.toFixed(4) }),
  );
}

function drawBars() {
  const values = (number) => trainings.map(({ per_class }) => per_class[score.value][number]);
  const mean = (number) => values(number).reduce((a, b) => a + b, 0) / trainings.length;
  const order = content.classes.map((_, number) => number).sort((a, b) => mean(a) - mean(b));
  const classes = order.slice(0, MOST_BARS).map((number) => {
    const bars = values(number).map((value, index) => bar(trainings[index], value));
    return element("div", { className: "bar-class" }, element("h3", { textContent: content.classes[number] }), ...bars);
  });
  document.getElementById("bars").replaceChildren(...classes);
}

score.addEventListener("change", drawBars);
drawBars();
