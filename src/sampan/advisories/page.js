const form = document.getElementById("filters"), find = document.getElementById("find");
const rows = [...document.querySelectorAll("tbody tr")], none = document.getElementById("none");
const caption = document.querySelector("caption"), all = caption.textContent;
const texts = rows.map((row) => row.textContent.toLowerCase());
function show() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = new Set([...form.querySelectorAll("input:checked")].map((box) => box.value));
  let shown = 0;
  rows.forEach((row, i) => {
    row.hidden = !wanted.has(row.dataset.status) || !words.every((word) => texts[i].includes(word));
    shown += !row.hidden;
  });
  none.hidden = shown > 0;
  document.querySelector("table").hidden = shown === 0;
  caption.textContent = shown === rows.length ? all : `${shown} of ${all}`;
}
form.hidden = false;
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
show();
