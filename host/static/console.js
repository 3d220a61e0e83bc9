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
