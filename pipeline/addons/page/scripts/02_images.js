/** Draw one image from the sheet, magnified to about 84 pixels, with lines of words beneath. */
function figure(image, lines) {
  const caption = element("figcaption", { className: "caption" });
  lines.forEach((line) => caption.append(element("div", { textContent: line })));
  const made = element("figure", {}, thumbnail(image, lines.join(", ")), caption);
  made.dataset.image = image;
  return made;
}

function thumbnail(image, words) {
  const { columns, height, width } = content.sheet;
  const scale = Math.max(1, Math.round(84 / Math.max(height, width)));
  const made = element("div", { className: "image", role: "img", ariaLabel: words });
  const [row, column] = [Math.floor(image / columns), image % columns];
  made.style.width = `${width * scale}px`;
  made.style.height = `${height * scale}px`;
  made.style.backgroundPosition = `${-column * width * scale}px ${-row * height * scale}px`;
  made.style.backgroundSize = `${columns * width * scale}px auto`;
  return made;
}

/** Open the dialog with images, each described for every one of some trainings. */
function openImages(title, images, described) {
  document.getElementById("dialog-title").textContent = title;
  document.getElementById("dialog-note").textContent = `${grouped(images.length)} images`;
  document
    .getElementById("dialog-images")
    .replaceChildren(...images.map((image) => figure(image, captionOf(image, described))));
  document.getElementById("dialog").showModal();
}

function captionOf(image, described) {
  const words = described.map((training) => {
    const sure = (training.confidence[image] / 10000).toFixed(4);
    const name = content.classes[training.predictions[image]];
    return described.length > 1 ? `${training.name}: ${name}, ${sure}` : `${name}, ${sure}`;
  });
  return [`${image}: ${content.classes[labels[image]]}`, ...words];
}

document.getElementById("close").addEventListener("click", () => document.getElementById("dialog").close());

/** Fill a list's pictures when it is opened; what a row says beside its image stands beneath it. */
function fillList(details) {
  const images = details.querySelector(".images");
  if (!details.open || images.childElementCount) return;
  const rows = content.lists[details.dataset.list];
  images.append(...rows.map(({ image, ...words }) => figure(image, [`image ${image}`, ...lines(words)])));
  if (!rows.length) images.append(element("p", { textContent: "None." }));
}

function lines(words) {
  const short = (value) => (typeof value === "number" && !Number.isInteger(value) ? value.toFixed(4) : value);
  return Object.entries(words).map(([name, value]) => `${name}: ${short(value)}`);
}

for (const details of document.querySelectorAll("details[data-list]")) {
  details.addEventListener("toggle", () => fillList(details));
  fillList(details);
}
