"use strict";
const form = document.querySelector("form");
form.hidden = false;
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
  document.querySelector("output").textContent = left ? "" : "Nothing is so.";
});
