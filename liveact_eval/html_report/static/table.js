"use strict";
/* The table: sorting, filtering, tooltips; and the choice between light and dark. */
(() => {
  const root = document.documentElement;

  function setUpTheme() {
    const button = document.querySelector("[data-theme-button]");
    const dark = () => root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; });
  }

  function setUpTips() {
    const tip = document.getElementById("tip");
    // Without scripts the title is the tooltip; with them it opens on focus too.
    for (const one of document.querySelectorAll("main [title]")) {
      one.dataset.tip = one.title;
      one.removeAttribute("title");
    }
    const show = (event) => {
      const owner = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
      if (!owner) { hide(); return; }
      tip.textContent = owner.dataset.tip;
      tip.hidden = false;
      const at = owner.getBoundingClientRect();
      const left = Math.min(at.left, innerWidth - tip.offsetWidth - 8);
      const below = at.bottom + 6 + tip.offsetHeight < innerHeight;
      tip.style.left = `${Math.max(8, left)}px`;
      tip.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - tip.offsetHeight - 6)}px`;
      const within = owner.querySelector("button") || owner;
      within.setAttribute("aria-describedby", "tip");
    };
    const hide = () => { tip.hidden = true; };
    document.addEventListener("mouseover", show);
    document.addEventListener("focusin", show);
    document.addEventListener("focusout", hide);
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    addEventListener("scroll", hide, { passive: true, capture: true });
  }

  function setUpTable(article) {
    const table = article.querySelector("table.results");
    const body = table.tBodies[0];
    const status = article.querySelector("[data-status]");
    const rows = [...body.rows];
    const columns = table.tHead.rows[0].cells.length - 1;
    let sortedBy = null;
    let byName = false;

    function order(places) {
      for (const row of [table.tHead.rows[0], ...rows]) {
        const cells = row.home || (row.home = [...row.cells]);
        row.append(cells[0], ...places.map((place) => cells[place + 1]));
      }
    }

    function sortBy(row) {
      for (const one of rows) one.cells[0].removeAttribute("aria-sort");
      const original = [...Array(columns).keys()];
      if (sortedBy === row) {
        sortedBy = null;
        order(original);
        status.textContent = "Models in their own order.";
        return;
      }
      sortedBy = row;
      const home = row.home || [...row.cells];
      const sign = row.dataset.direction === "down" ? 1 : -1;
      const value = (place) => {
        const text = home[place + 1].dataset.value;
        return text === undefined ? null : Number(text);
      };
      const places = original.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (x - y);
      });
      order(places);
      row.cells[0].setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
      status.textContent = `Models sorted by ${row.dataset.name}.`;
    }

    for (const row of rows) {
      const label = row.cells[0].querySelector("span");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label.textContent;
      button.addEventListener("click", () => sortBy(row));
      label.replaceWith(button);
    }

    const text = article.querySelector("[data-filter-metrics]");
    const only = article.querySelector("[data-only-scores]");
    const filter = () => {
      const wanted = text.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.dataset.name.toLowerCase().includes(wanted)
          || (only.checked && row.dataset.direction === "none");
        shown += row.hidden ? 0 : 1;
      }
      status.textContent = `${shown} of ${rows.length} metrics.`;
    };
    text.addEventListener("input", filter);
    only.addEventListener("change", filter);
    article.querySelector("[data-sort-names]").addEventListener("click", (event) => {
      byName = !byName;
      const list = byName ? [...rows].sort((a, b) => a.dataset.name.localeCompare(b.dataset.name)) : rows;
      body.append(...list);
      event.target.textContent = byName ? "Own order" : "Sort by name";
    });
  }

  setUpTheme();
  for (const article of document.querySelectorAll("article[data-board]")) setUpTable(article);
  setUpTips();
})();
