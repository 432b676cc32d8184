"use strict";

const content = JSON.parse(document.getElementById("content").textContent);
const labels = unpack(content.labels, Uint16Array);
const trainings = content.trainings.map((training) => ({
  ...training,
  confidence: unpack(training.confidence, Uint16Array),
  predictions: unpack(training.predictions, Uint16Array),
}));

function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

function isRight(training, image) {
  return training.predictions[image] === labels[image];
}

/** List the numbers of all test images that `wanted` is true of. */
function imagesWhere(wanted) {
  return Array.from(labels.keys()).filter(wanted);
}

/** Return the place of the most accurate training. */
function best() {
  const right = trainings.map((training) => imagesWhere((image) => isRight(training, image)).length);
  return right.indexOf(Math.max(...right));
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function drawing(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}

/** Return the name in the styles of a model's colour. */
function seriesOf(colour) {
  return `--series${(colour % 6) + 1}`;
}

function grouped(number) {
  return number.toLocaleString("en");
}

/** Fill a select with the names of trainings, `chosen` among them, and call `changed` on every change. */
function chooseTraining(select, chosen, changed) {
  select.append(...trainings.map(({ name }, index) => element("option", { value: index, textContent: name })));
  select.value = Math.min(chosen, trainings.length - 1);
  select.addEventListener("change", changed);
}

function chosen(select) {
  return trainings[Number(select.value)];
}
