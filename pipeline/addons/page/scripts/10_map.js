const mapped = document.getElementById("mapped");
const SIDE = 640;
const REACH = 20; // of SIDE, from the pointer to the point that it means

/** List what the map of a training shows: each image, where it is, and whether the training is right about it. */
function pointsOf(training) {
  const { image: images, x, y } = training.embedding;
  const within = (value) => 15 + value * (SIDE - 30);
  return images.map((image, place) => {
    return { image, x: within(x[place]), y: within(y[place]), right: isRight(training, image) };
  });
}

/** Draw one image: a dot in its class's colour, or a cross for a mistake. */
function mark({ image, x, y, right }) {
  const { length } = content.classes;
  const hue = length > MOST_CLASSES ? 210 : (360 * labels[image]) / length;
  const made = right
    ? drawing("circle", { cx: x, cy: y, r: 4, fill: `hsl(${hue} 65% 50%)` })
    : drawing("path", { d: `M${x - 5} ${y - 5}l10 10m0-10l-10 10`, class: "mistake" });
  made.dataset.image = image;
  return made;
}

/** Write each class's name where the middle of its images is. */
function classNames(points) {
  if (content.classes.length > MOST_CLASSES) return [];
  return content.classes.flatMap((name, label) => {
    const own = points.filter(({ image }) => labels[image] === label);
    if (!own.length) return [];
    const middle = (axis) => own.map((point) => point[axis]).sort((a, b) => a - b)[own.length >> 1];
    const made = drawing("text", { x: middle("x"), y: middle("y") });
    made.textContent = name;
    return [made];
  });
}

/** Return the point that the pointer means: the nearest, if it is near. */
function meant(event, svg, points) {
  const { left, top, width } = svg.getBoundingClientRect();
  const [x, y] = [event.clientX - left, event.clientY - top].map((pixels) => (pixels * SIDE) / width);
  const away = points.map((point) => Math.hypot(point.x - x, point.y - y));
  const nearest = Math.min(...away);
  return nearest < REACH ? points[away.indexOf(nearest)] : undefined;
}

function drawMap() {
  const training = chosen(mapped);
  const points = pointsOf(training);
  const label = `Map of ${points.length} test images by ${training.name}; arrow keys step through the mistakes`;
  const svg = drawing("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, tabindex: 0, role: "application", "aria-label": label });
  svg.append(...points.map(mark), ...classNames(points));
  document.getElementById("points").replaceChildren(svg);
  document.getElementById("point").replaceChildren();
  letChoose(svg, points, training);
}

/** Show the picture of the point that the pointer means, or of the mistake that the arrow keys come to. */
function letChoose(svg, points, training) {
  const mistakes = points.filter(({ right }) => !right);
  const ring = drawing("circle", { r: 10, class: "ring", visibility: "hidden" });
  let now;
  const show = (point) => {
    if (!point) return;
    now = point;
    Object.entries({ cx: point.x, cy: point.y, visibility: "visible" }).forEach((pair) => ring.setAttribute(...pair));
    document.getElementById("point").replaceChildren(figure(point.image, captionOf(point.image, [training])));
  };
  svg.append(ring);
  ["pointermove", "pointerdown"].forEach((name) => {
    svg.addEventListener(name, (event) => show(meant(event, svg, points)));
  });
  svg.addEventListener("keydown", (event) => show(next(event, mistakes, now)));
}

/** Return the mistake that an arrow key leads to from the one that is shown now. */
function next(event, mistakes, now) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!by) return undefined;
  event.preventDefault();
  return mistakes.at((mistakes.indexOf(now) + by) % mistakes.length);
}

if (mapped) {
  chooseTraining(mapped, best(), drawMap);
  drawMap();
}
