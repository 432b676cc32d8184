const theme = document.getElementById("theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const PAPER = 640; // pixels: the width of a chart on paper

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", dark);
  drawCharts();
}

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

function resize(widthOfChart) {
  plots.forEach((plot, id) => plot.setSize({ width: widthOfChart(document.getElementById(id)), height: HEIGHT }));
}

/** Print in dark on white, and go back to the screen's colours after it. */
function printLight() {
  const dark = isDark();
  setTheme(false);
  resize(() => PAPER);
  const after = () => {
    setTheme(dark);
    resize(widthOf);
  };
  addEventListener("afterprint", after, { once: true });
}

theme.addEventListener("click", () => setTheme(!isDark()));
prefersDark.addEventListener("change", ({ matches }) => setTheme(matches));
addEventListener("resize", () => resize(widthOf));
addEventListener("beforeprint", printLight);
setTheme(prefersDark.matches);
