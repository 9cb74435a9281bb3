"use strict";
const form = document.querySelector("form");
const body = document.querySelector("tbody");
const rows = [...body.rows];
const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
function choose() {
  const chosen = Object.fromEntries(new FormData(form));
  const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const row of rows) {
    row.hidden = !(
      ["", row.dataset.verdict].includes(chosen.verdict) &&
      (!chosen.component || row.dataset.components.includes(` ${chosen.component} `)) &&
      (!chosen.dtype || row.dataset.dtypes.includes(` ${chosen.dtype} `)) &&
      (!chosen.why || row.dataset.why === chosen.why) &&
      words.every((word) => texts.get(row).includes(word))
    );
    left += !row.hidden;
  }
  document.querySelector("output").textContent = `${left} of ${rows.length} shown`;
}
const names = new Intl.Collator("en", { numeric: true });
const compare = (one, other) => {
  const a = one.dataset.key, b = other.dataset.key;
  const numbers = a !== "" && b !== "" && !isNaN(a) && !isNaN(b);
  return numbers ? a - b : names.compare(a, b);
};
const heads = [...document.querySelectorAll("thead th")];
heads.forEach((head, place) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = head.ariaSort === "ascending";
    for (const each of heads) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    rows.sort((one, other) => sign * compare(one.cells[place], other.cells[place]));
    body.append(...rows);
  });
});
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", choose);
choose();
