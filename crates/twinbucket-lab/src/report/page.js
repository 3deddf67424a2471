"use strict";
(() => {
  const root = document.documentElement;
  const named = (rival) => document.querySelectorAll(`[data-rival="${CSS.escape(rival)}"]`);
  const rivalAt = (node) => node.closest?.("[data-rival]")?.dataset.rival;

  root.classList.add("scripted");
  document.querySelector(".legend").addEventListener("change", (event) => {
    named(rivalAt(event.target)).forEach((node) => node.classList.toggle("off", !event.target.checked));
  });

  let shown;
  document.addEventListener("pointerover", (event) => {
    const rival = rivalAt(event.target);
    if (rival === shown) return;
    document.querySelectorAll(".on").forEach((node) => node.classList.remove("on"));
    shown = rival;
    root.classList.toggle("focus", rival !== undefined);
    if (rival !== undefined) named(rival).forEach((node) => node.classList.add("on"));
  });

  // A page that can be checked by a machine: what would be wrong with it is on its root.
  addEventListener("load", () => {
    const faults = [];
    for (const chart of document.querySelectorAll("figure > svg")) {
      const box = chart.getBoundingClientRect();
      const name = chart.getAttribute("aria-label");
      if (box.width < 1 || box.height < 1) faults.push(`no size: ${name}`);
      for (const text of chart.querySelectorAll("text")) {
        const own = text.getBoundingClientRect();
        const inside = own.left > box.left - 1 && own.right < box.right + 1 && own.top > box.top - 1 && own.bottom < box.bottom + 1;
        if (!inside) faults.push(`outside of ${name}: ${text.textContent}`);
      }
    }
    if (root.scrollWidth > root.clientWidth) faults.push("wider than the window");
    if (faults.length) root.dataset.faults = faults.join("; ");
    else root.dataset.ok = document.querySelectorAll("figure > svg").length;
  });
})();
