// Says how long it is until an instant, wherever data-until names one (RFC 3339, or seconds).

function show() {
  for (const one of document.querySelectorAll("[data-until]")) {
    const told = Number(one.dataset.until);
    const left = Math.max(0, ((told ? told * 1000 : Date.parse(one.dataset.until)) - Date.now()) / 1000);
    const words = one.closest("[data-in]").dataset.in;
    const text = `(${words.replace("{m}", Math.floor(left / 60)).replace("{s}", Math.floor(left % 60))})`;
    if (one.textContent !== text) one.textContent = text;
  }
}

setInterval(show, 1_000);
document.addEventListener("htmx:after:swap", show);
show();
