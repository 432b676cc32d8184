const mapped = document.getElementById("mapped");
const SIDE = 640;
const SVG = "http://www.w3.org/2000/svg";

function drawing(name, attributes) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}

/** Draw one image: a dot in its class's colour, or a cross for a mistake. */
function point(training, image, x, y) {
  const hue = (360 * labels[image]) / content.classes.length;
  const right = isRight(training, image);
  const made = right
    ? drawing("circle", { cx: x, cy: y, r: 4, fill: `hsl(${hue} 65% 50%)` })
    : drawing("path", { d: `M${x - 5} ${y - 5}l10 10m0-10l-10 10`, class: "mistake" });
  made.dataset.image = image;
  return made;
}

/** Write each class's name where the middle of its images is. */
function names(images, xs, ys) {
  return content.classes.flatMap((name, label) => {
    const places = images.map((image, place) => (labels[image] === label ? place : -1)).filter((place) => place >= 0);
    if (!places.length || content.classes.length > MOST_CLASSES) return [];
    const middle = (values) => places.map((place) => values[place]).sort((a, b) => a - b)[places.length >> 1];
    const made = drawing("text", { x: middle(xs), y: middle(ys) });
    made.textContent = name;
    return [made];
  });
}

function show(training, made) {
  made.ownerSVGElement.querySelector(".chosen")?.classList.remove("chosen");
  made.classList.add("chosen");
  const image = Number(made.dataset.image);
  const seen = places.has(image) ? [figure(image, captionOf(image, [training]))] : captionOf(image, [training]);
  document.getElementById("point").replaceChildren(...seen);
}

function drawMap() {
  const training = chosen(mapped);
  const { image: images, x, y } = training.embedding;
  const [xs, ys] = [x, y].map((values) => values.map((value) => 15 + value * (SIDE - 30)));
  const svg = drawing("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, tabindex: 0, role: "application" });
  svg.setAttribute("aria-label", `Map of ${images.length} test images by ${training.name}; arrow keys step through the mistakes`);
  const points = images.map((image, place) => point(training, image, xs[place], ys[place]));
  svg.append(...points, ...names(images, xs, ys));
  svg.addEventListener("pointerover", ({ target }) => target.dataset.image && show(training, target));
  svg.addEventListener("keydown", (event) => step(event, training, svg));
  document.getElementById("points").replaceChildren(svg);
  document.getElementById("point").replaceChildren();
}

function step(event, training, svg) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const mistakes = [...svg.querySelectorAll(".mistake")];
  if (!by || !mistakes.length) return;
  event.preventDefault();
  const now = mistakes.findIndex((made) => made.classList.contains("chosen"));
  show(training, mistakes[(now + by + mistakes.length) % mistakes.length]);
}

if (mapped) {
  chooseTraining(mapped, best(), drawMap);
  drawMap();
}
