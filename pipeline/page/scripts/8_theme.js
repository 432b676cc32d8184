const theme = document.getElementById("theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", dark);
  drawCharts();
}

theme.addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
prefersDark.addEventListener("change", ({ matches }) => setTheme(matches));
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details[data-list]")) details.open = true;
  setTheme(false);
});
setTheme(prefersDark.matches);
