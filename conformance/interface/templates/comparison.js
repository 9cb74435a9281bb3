"use strict";
const form = document.querySelector("form");
form.hidden = false;
const given = new Map([...document.querySelectorAll("[data-component] tbody")].map((body) => [body, [...body.rows]]));
const rank = (row) =>
  Math.max(-1, ...[...row.querySelectorAll("td:not([hidden])")].map((cell) => Number(cell.dataset.rank)));
function order(how) {
  const sign = { "worst first": -1, "best first": 1 }[how] ?? 0;
  // What has no verdict there comes last, whichever way.
  for (const [body, rows] of given)
    body.append(...[...rows].sort((one, other) => {
      const [a, b] = [rank(one), rank(other)];
      return sign && (a < 0 || b < 0) ? (a < 0) - (b < 0) : sign * (a - b);
    }));
}
form.addEventListener("change", () => {
  const chosen = Object.fromEntries(new FormData(form));
  let left = 0;
  for (const section of document.querySelectorAll("[data-component]")) {
    for (const cell of section.querySelectorAll("[data-dtype]"))
      cell.hidden = chosen.dtype !== "" && cell.dataset.dtype !== chosen.dtype;
    let rows = 0;
    for (const row of section.querySelectorAll("tbody tr")) {
      const fits = (cell) =>
        !cell.hidden && cell.dataset.verdict !== "" && ["", cell.dataset.verdict].includes(chosen.verdict);
      row.hidden = ![...row.querySelectorAll("td")].some(fits);
      rows += !row.hidden;
    }
    section.hidden = !rows || !["", section.dataset.component].includes(chosen.component);
    left += section.hidden ? 0 : rows;
  }
  order(chosen.order);
  document.querySelector("output").textContent = left ? "" : "Nothing is so.";
});
