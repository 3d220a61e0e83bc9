// What the console does in the browser beside htmx. Every page can be read and used without it.
"use strict";

// A box that is marked `data-check-all="name"` sets every check box of that name in its form.
document.addEventListener("change", (event) => {
  const box = event.target;
  const name = box.dataset && box.dataset.checkAll;
  if (name && box.form) {
    for (const other of box.form.elements) {
      if (other.type === "checkbox" && other.name === name) other.checked = box.checked;
    }
  }
});

// On a small screen sections and tabs stand in a row that can be wider than the screen: the one that is open is in sight.
for (const here of document.querySelectorAll("nav [aria-current='page']")) {
  const row = here.closest("nav");
  row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
