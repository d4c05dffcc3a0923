"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const number = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  const speaker = one("#speaker"), said = one("#said"), form = one(".tools"), search = one("#search");
  const tabs = all(".tabs a"), panels = [one("#by-test"), one("#by-prompt")];

  // -- sounds: one audio element for the page; a sound gets its address when it is played

  let current = null, frame = 0;

  async function source(box) {
    const find = () => document.getElementById(`sound-${box.dataset.sound}`);
    // The sounds are the last part of the page. The page may still be loading.
    if (!find() && document.readyState === "loading") {
      await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
    }
    // With scripts, a browser keeps what is in <noscript> as text: it creates no players and reads no audio.
    const text = find()?.textContent ?? "";
    return /src="([^"]*)"/.exec(text)?.[1].replaceAll("&amp;", "&") ?? "";
  }

  function length(box) {
    return Number(box.dataset.seconds) || 0;
  }

  function draw(box, now) {
    const total = length(box), slider = one("input", box);
    one(".track", box).style.setProperty("--at", total ? `${(100 * Math.min(now, total)) / total}%` : "0%");
    slider.value = now;
    slider.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${total.toFixed(1)} seconds`);
    one(".at", box).textContent = now > 0 ? `${now.toFixed(1)} /` : "";
  }

  function follow() {
    cancelAnimationFrame(frame);
    if (!current) return;
    const ended = speaker.ended;
    one(".play", current).setAttribute("aria-pressed", String(!speaker.paused && !ended));
    draw(current, ended ? 0 : speaker.currentTime);
    if (!speaker.paused && !ended) frame = requestAnimationFrame(follow);
  }

  async function select(box) {
    if (current === box) return true;
    const address = await source(box);
    if (!address) { fail(box, "This sound is not on the page."); return false; }
    speaker.pause();
    if (current) { one(".play", current).setAttribute("aria-pressed", "false"); draw(current, 0); }
    current = box;
    speaker.src = address;
    return true;
  }

  async function play(box) {
    build(box);
    if (current === box && !speaker.paused) { speaker.pause(); return; }
    if (await select(box)) await speaker.play().catch(() => {});
  }

  function fail(box, text) {
    const play = one(".play", box);
    if (play.disabled) return;
    play.disabled = true;
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = text;
    box.after(note);
  }

  for (const event of ["play", "pause", "ended", "seeked", "timeupdate"]) speaker.addEventListener(event, follow);
  speaker.addEventListener("loadedmetadata", () => {
    if (!Number.isFinite(speaker.duration)) return;
    if (!length(current)) one(".at + span", current).textContent = `${speaker.duration.toFixed(1)} s`;
    current.dataset.seconds = speaker.duration;
    one("input", current).max = speaker.duration;
    one("input", current).disabled = false;
    follow();
  });
  speaker.addEventListener("error", () => {
    if (!current || !speaker.getAttribute("src")) return;
    fail(current, "This browser cannot play the audio.");
    follow();
    current = null;
  });

  function build(box) {
    if (one(".play", box)) return;
    watcher.unobserve(box);
    const bars = box.dataset.wave, label = box.getAttribute("aria-label");
    box.prepend(one("#controls").content.cloneNode(true));
    one(".play", box).setAttribute("aria-label", `Play: ${label}`);
    const track = one(".track", box), slider = one("input", box);
    track.style.setProperty("--width", Number(box.dataset.width) / 100);
    const path = [...(bars || "0")].map((level, x) => {
      const height = Math.max(parseInt(level, 36) / 35, 0.03);
      return bars ? `M${x + 0.5} ${(1 - height).toFixed(2)}V${(1 + height).toFixed(2)}` : "M0 1H1";
    }).join("");
    for (const wave of all(".wave", track)) {
      wave.setAttribute("viewBox", `0 0 ${bars.length || 1} 2`);
      one("path", wave).setAttribute("d", path);
      if (!bars) one("path", wave).setAttribute("stroke-width", "0.1");
    }
    slider.setAttribute("aria-label", `Position: ${label}`);
    slider.max = length(box) || 1;
    slider.disabled = !length(box);
    slider.addEventListener("input", async () => {
      const at = Number(slider.value);
      if (await select(box)) speaker.currentTime = at;
      draw(box, at);
    });
  }

  // Controls and waveforms are made when they come near the window, so folded tests cost nothing.
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) build(entry.target);
  }, { rootMargin: "600px" });

  // -- filters

  let texts = null;
  const items = () => texts ??= all(".item").map((element) => ({
    element,
    outcomes: (element.dataset.outcome ?? element.dataset.outcomes).trim().split(" "),
    backends: element.dataset.backends.trim().split(" "),
    isPrompt: element.classList.contains("card"),
    text: null,
  }));
  const plain = (text) => text.normalize("NFKC").toLocaleLowerCase().replace(/\s+/g, " ");
  const TEXTS = ".name, .prompt, .voice, .message, .error, .traceback pre, .attachment > pre, figcaption bdi, h4 bdi, td, dd, .facts > span";

  function matches(item, words, wanted) {
    if (wanted.outcome.size && !item.outcomes.some((name) => wanted.outcome.has(name))) return false;
    if (wanted.backend.size && !item.backends.some((name) => wanted.backend.has(name))) return false;
    if (!words.length) return true;
    item.text ??= plain((item.element.matches("li") ? [item.element] : all(TEXTS, item.element))
      .map((element) => element.textContent).join("\n"));
    return words.every((word) => item.text.includes(word));
  }

  function filter() {
    const words = plain(search.value).split(" ").filter(Boolean);
    const wanted = { outcome: new Set(), backend: new Set() };
    for (const chip of all(".chip input:checked", form)) wanted[chip.name].add(chip.value);
    const filtered = words.length + wanted.outcome.size + wanted.backend.size > 0;
    const byPrompt = !panels[1].hidden;
    let shown = 0, total = 0;
    for (const item of items()) {
      const fits = matches(item, words, wanted);
      item.element.hidden = !fits;
      if (item.isPrompt !== byPrompt || item.element.id === "outside") continue;
      total += 1;
      if (fits) shown += 1;
    }
    for (const group of all(".group")) group.hidden = !one(".item:not([hidden])", group);
    const quiet = one(".quiet");
    if (quiet && words.length) {
      if (!quiet.open) quiet.dataset.opened = "by the search";
      quiet.open = true;
    } else if (quiet?.dataset.opened) {
      delete quiet.dataset.opened;
      quiet.open = false;
    }
    const word = byPrompt ? "prompt" : "test";
    one(".shown").textContent = filtered ? `${shown.toLocaleString("en")} of ${number(total, word)}` : number(total, word);
    one("#none").hidden = shown > 0 || !total;
    if (current && !current.offsetParent) speaker.pause();
  }

  function clear() {
    form.reset();
    filter();
  }

  // -- views and addresses

  function view(index) {
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
      panels[at].hidden = at !== index;
    });
    for (const button of all("#open-all, #fold-all")) button.hidden = index === 1;
    filter();
  }

  function go() {
    const name = location.hash.slice(1); // the page's own names need no decoding
    const target = name && document.getElementById(name);
    if (!target || !target.closest("main")) { if (!name) view(0); return; }
    view(panels[1].contains(target) ? 1 : 0);
    if (target.hidden) clear();
    const folded = target.closest("details");
    if (folded) folded.open = true;
    if (panels.includes(target)) return;
    target.scrollIntoView({ block: "start" });
    focusOf(target).focus({ preventScroll: true });
  }

  // -- items: tests and prompts that the keys go through

  const focusOf = (item) => item.matches("details") ? one("summary", item) : item;
  const list = () => all(panels[1].hidden ? ".test, .quiet" : ".card").filter((item) => item.offsetParent);
  const here = () => document.activeElement?.closest(".test, .quiet, .card");

  function step(by) {
    const visible = list(), at = visible.indexOf(here());
    const next = at < 0 ? visible[0] : visible[at + by];
    if (!next) return;
    focusOf(next).focus({ preventScroll: true });
    focusOf(next).scrollIntoView({ block: "nearest" });
  }

  function playHere() {
    if (current && !speaker.paused) { speaker.pause(); return; }
    const item = here() ?? list().find((each) => one(".sound", each));
    if (!item) return;
    if (item.matches("details")) item.open = true;
    const box = document.activeElement.closest(".sound") ?? (item.contains(current) ? current : one(".sound", item));
    if (box) play(box);
  }

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    o: () => { const item = here(); if (item?.matches("details")) { item.open = !item.open; focusOf(item).focus(); } },
    p: playHere,
    t: () => { location.hash = "#by-test"; },
    b: () => { location.hash = "#by-prompt"; },
    "/": () => { search.focus(); search.select(); },
    "?": () => one("#keys").showModal(),
  };

  addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    if (target === search && event.key === "Escape") { if (search.value) clear(); else search.blur(); return; }
    if (target.matches("input:not([type=range], [type=checkbox]), select, textarea")) return;
    const tab = tabs.indexOf(target);
    if (tab >= 0 && event.key === " ") {
      target.click();
    } else if (tab >= 0 && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      const next = event.key === "Home" ? 0 : event.key === "End" ? 1 : 1 - tab;
      location.hash = tabs[next].hash;
      tabs[next].focus();
    } else if (target.matches(".test > summary, .quiet > summary, .card") && /^Arrow(Up|Down)$/.test(event.key)) {
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (Object.hasOwn(KEYS, event.key)) {
      KEYS[event.key]();
    } else {
      return;
    }
    event.preventDefault();
  });

  // -- copy and download

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // pages that come over plain HTTP have no clipboard
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      if (!done) throw new Error("not copied");
    }
  }

  async function copyFrom(button) {
    const { copy: text, link } = button.dataset, label = button.textContent;
    if (button.dataset.busy) return;
    button.dataset.busy = "1";
    try {
      await copy(link ? `${location.href.split("#")[0]}#${link}` : text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    said.textContent = button.textContent;
    button.focus({ preventScroll: true });
    setTimeout(() => { button.textContent = label; said.textContent = ""; delete button.dataset.busy; }, 1500);
  }

  async function download(link) {
    const box = one(".sound", link.closest(".use, .card, .attachment, .section"));
    const copyOfLink = document.createElement("a");
    copyOfLink.href = await source(box);
    copyOfLink.download = box.dataset.file;
    // Browsers may open the file. A new tab keeps the page open.
    if (!copyOfLink.href.startsWith("data:")) copyOfLink.target = "_blank";
    copyOfLink.click();
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest(".play, .copy, .download");
    if (!target) return;
    if (target.matches(".play")) play(target.closest(".sound"));
    else if (target.matches(".copy")) copyFrom(target);
    else { event.preventDefault(); download(target); }
  });

  // -- start

  one(".tabs").setAttribute("role", "tablist");
  tabs.forEach((tab, at) => {
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panels[at].id);
    panels[at].setAttribute("role", "tabpanel");
    panels[at].setAttribute("aria-labelledby", tab.id);
  });
  for (const event of ["input", "change"]) form.addEventListener(event, filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  one("#none button").addEventListener("click", () => { clear(); search.focus(); });
  const openAll = (open) => list().forEach((item) => { item.open = open; });
  one("#open-all").addEventListener("click", () => openAll(true));
  one("#fold-all").addEventListener("click", () => openAll(false));
  addEventListener("hashchange", go);
  // The browser's own jump to the address comes last and takes the focus away.
  addEventListener("load", () => { if (location.hash && document.activeElement === document.body) go(); });
  // Print every test of the view. What was folded is folded again afterwards.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = all(".test, .quiet").filter((item) => !item.open);
    for (const item of unfolded) item.open = true;
    all(".sound").filter((box) => box.offsetParent).forEach(build);
  });
  addEventListener("afterprint", () => {
    for (const item of unfolded) item.open = false;
    unfolded = [];
  });
  view(0);
  go();
  all(".sound").forEach((box) => watcher.observe(box));
})();
