"use strict";
/* All of the page can be read without this: it sorts tables, changes the theme, and follows a study that runs. */
(() => {
  const root = document.documentElement;
  const keep = (area, key, value) => { try { window[area].setItem(key, value); } catch { /* none on file: or when private */ } };
  const kept = (area, key) => { try { return window[area].getItem(key); } catch { return null; } };
  const here = "cnnbuild:" + location.pathname;

  /* theme: before anything is drawn */
  const wanted = kept("localStorage", "cnnbuild:theme");
  if (wanted === "dark" || wanted === "light") root.dataset.theme = wanted;
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

  const themeButton = () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const label = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      keep("localStorage", "cnnbuild:theme", root.dataset.theme);
      label();
    });
    systemDark.addEventListener("change", label);
    label();
    button.hidden = false;
  };

  /* tables: a button in each head; what has no value stays below */
  const valueOf = (cell) => (cell.dataset.value ?? cell.textContent).trim();
  const numberOf = (text) => { const plain = text.replace(/[,%\u202f]/g, "").replace(/\u2212/g, "-"); return plain === "" ? NaN : Number(plain); };
  const sortBy = (table, column, direction) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row, place) => ({ row, place, text: valueOf(row.cells[column]) }));
    const given = rows.filter((one) => one.text !== "");
    const numeric = given.every((one) => !Number.isNaN(numberOf(one.text)));
    const sign = direction === "descending" ? -1 : 1;
    rows.sort((a, b) => {
      if ((a.text === "") !== (b.text === "")) return a.text === "" ? 1 : -1;
      const order = numeric ? numberOf(a.text) - numberOf(b.text)
        : a.text.localeCompare(b.text, "en", { numeric: true });
      return (a.text === "" ? 0 : sign * order) || a.place - b.place;
    });
    body.append(...rows.map((one) => one.row));
    for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
    table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction);
  };
  const makeSortable = (table, number) => {
    const key = here + ":sort" + number;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.dataset.sort === "no") return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        sortBy(table, column, direction);
        keep("sessionStorage", key, column + " " + direction);
      });
    });
    const [column, direction] = (kept("sessionStorage", key) ?? "").split(" ");
    if (table.tHead.rows[0].cells[column] && /^(a|de)scending$/.test(direction)) sortBy(table, Number(column), direction);
  };

  /* a page that is rewritten keeps open what was open */
  const keepOpen = () => {
    const key = here + ":open";
    const all = [...document.querySelectorAll("details")];
    const open = new Set((kept("sessionStorage", key) ?? "").split("\n"));
    const name = (one, number) => one.id || String(number);
    all.forEach((one, number) => { if (open.has(name(one, number))) one.open = true; });
    const write = () => keep("sessionStorage", key, all.flatMap((one, number) => (one.open ? [name(one, number)] : [])).join("\n"));
    for (const one of all) one.addEventListener("toggle", write);
  };

  /* a link into something folded opens it */
  const openTarget = () => {
    let place = null;
    try { place = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return; }
    for (let one = place; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (place) place.scrollIntoView();
  };

  /* following a study: reading again, unless the reader asks to wait */
  const follow = () => {
    const button = document.getElementById("follow");
    const seconds = Number(document.body.dataset.reload);
    if (!button || !seconds) return;
    let timer = 0;
    const set = (on) => {
      clearTimeout(timer);
      if (on) timer = setTimeout(() => location.reload(), 1000 * seconds);
      button.textContent = on ? "Stop following" : "Follow the study";
      keep("sessionStorage", here + ":follow", on ? "yes" : "no");
      button.dataset.on = on ? "yes" : "no";
    };
    button.addEventListener("click", () => set(button.dataset.on !== "yes"));
    set(kept("sessionStorage", here + ":follow") !== "no");
    button.hidden = false;
  };

  document.addEventListener("DOMContentLoaded", () => {
    themeButton();
    document.querySelectorAll("table.sortable").forEach(makeSortable);
    if (document.body.dataset.reload) keepOpen();
    follow();
    if (location.hash) openTarget();
    window.addEventListener("hashchange", openTarget);
  });
})();
