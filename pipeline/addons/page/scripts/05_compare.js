const [first, second] = [document.getElementById("first"), document.getElementById("second")];

function drawAgreement() {
  const [a, b] = [chosen(first), chosen(second)];
  const kinds = [
    ["Both are right", true, true],
    [`Only ${a.name} is right`, true, false],
    [`Only ${b.name} is right`, false, true],
    ["Neither is right", false, false],
  ];
  const buttons = kinds.map(([words, ofA, ofB]) => {
    const images = imagesWhere((image) => isRight(a, image) === ofA && isRight(b, image) === ofB);
    const made = element("button", { type: "button", textContent: `${words}: ${grouped(images.length)}` });
    made.addEventListener("click", () => openImages(words, images, [a, b]));
    return made;
  });
  document.getElementById("agreement").replaceChildren(...buttons);
}

if (first) {
  chooseTraining(first, 0, drawAgreement);
  chooseTraining(second, 1, drawAgreement);
  drawAgreement();
}
