"use strict";
/* The clips: a list, worst first, and all models of one of them side by side. */
(() => {
  const { charts, load } = window.liveactCharts;
  const Together = window.liveactTogether;
  const FPS = 25;
  let active = null;

  /* An element with properties and children; text is text, whatever stands in it. */
  function make(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  const option = (value, text) => make("option", { value, textContent: text });
  const labelled = (text, control) => make("label", {}, `${text} `, control);
  const number = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  const path = (text) => text.split("/").map(encodeURIComponent).join("/");
  const swatch = (entrant) => make("i", { className: `swatch c${entrant.colour}` });

  class Viewer {
    constructor(host, board) {
      this.host = host;
      this.board = board;
      this.together = null;
      this.current = null;
      this.hidden = new Set();
      this.sound = 0;
      this.opened = 0;
      this.buildTools();
      this.list = make("ol", { className: "list" });
      this.stage = make("div", { className: "stage", tabIndex: -1 });
      host.append(this.tools, this.list, this.stage);
      host.addEventListener("pointerdown", () => { active = this; });
      host.addEventListener("focusin", () => { active = this; });
      this.refresh();
      if (this.shown.length) this.open(this.shown[0], false);
    }

    buildTools() {
      const { metrics, entrants, clips } = this.board;
      // At first by a metric that tells clips apart.
      this.metric = make("select", {}, option("", "the dataset's order"));
      metrics.forEach((metric, n) => this.metric.append(option(n, metric.title)));
      const tells = (metric, n) => metric.direction !== "none"
        && new Set(clips.flatMap((clip) => clip.values[n].filter((_, e) => !entrants[e].real))).size > entrants.length;
      const first = metrics.findIndex(tells);
      this.metric.value = first < 0 ? "" : String(first);
      this.of = make("select", {}, option("", "any model"));
      entrants.forEach((entrant, n) => this.of.append(option(n, entrant.title)));
      this.speaker = make("select", {}, option("", "all"));
      for (const name of [...new Set(clips.map((clip) => clip.speaker))].sort()) this.speaker.append(option(name, name));
      this.failure = make("select", {}, option("", "all"), option("*", "with any"), option("-", "without"));
      for (const code of [...new Set(clips.flatMap((clip) => clip.codes))].sort()) this.failure.append(option(code, code));
      this.count = make("span", { role: "status" });
      this.tools = make("div", { className: "tools" },
        labelled("Worst first by", this.metric), labelled("of", this.of), labelled("Speaker", this.speaker),
        labelled("Failures and findings", this.failure), this.count);
      for (const one of [this.metric, this.of, this.speaker, this.failure]) {
        one.addEventListener("change", () => this.refresh());
      }
    }

    /* The value by which a clip is sorted: of one model, or the worst of all but the real videos. */
    worst(clip) {
      if (this.metric.value === "") return null;
      const row = clip.values[Number(this.metric.value)];
      if (this.of.value !== "") return row[Number(this.of.value)];
      const { entrants } = this.board;
      const rivals = row.filter((value, n) => value !== null && (entrants.length === 1 || !entrants[n].real));
      if (!rivals.length) return null;
      const down = this.board.metrics[Number(this.metric.value)].direction === "down";
      return down ? Math.max(...rivals) : Math.min(...rivals);
    }

    wanted(clip) {
      if (this.speaker.value && clip.speaker !== this.speaker.value) return false;
      if (this.failure.value === "*") return clip.codes.length > 0;
      if (this.failure.value === "-") return clip.codes.length === 0;
      return !this.failure.value || clip.codes.includes(this.failure.value);
    }

    refresh() {
      const { clips, metrics } = this.board;
      const shown = clips.map((_, n) => n).filter((n) => this.wanted(clips[n]));
      const metric = this.metric.value === "" ? null : metrics[Number(this.metric.value)];
      if (metric) {
        const sign = metric.direction === "down" ? -1 : 1;
        const values = new Map(shown.map((n) => [n, this.worst(clips[n])]));
        // A clip without a number is worse than any that has one.
        shown.sort((a, b) => {
          const [x, y] = [values.get(a), values.get(b)];
          if (x === null || y === null) return (y === null) - (x === null) || a - b;
          return sign * (x - y) || a - b;
        });
      }
      this.shown = shown;
      this.count.textContent = `${shown.length} of ${clips.length} clips`;
      this.list.replaceChildren(...shown.map((n) => this.item(n, metric)));
      this.mark();
    }

    item(n, metric) {
      const clip = this.board.clips[n];
      const film = clip.films.find((one) => one && one.thumbnail);
      const picture = film
        ? make("img", { className: "picture", loading: "lazy", alt: "", src: path(film.thumbnail) })
        : make("span", { className: "picture" });
      const value = metric ? number(this.worst(clip), metric.digits) : "";
      const button = make("button", { type: "button" }, picture,
        make("span", { className: "name", textContent: clip.id }), make("span", { className: "number", textContent: value }),
        make("small", { textContent: [clip.speaker, ...clip.codes].join(" · ") }));
      button.dataset.clip = n;
      button.addEventListener("click", () => this.open(n, true));
      return make("li", {}, button);
    }

    mark() {
      for (const button of this.list.querySelectorAll("button")) {
        button.setAttribute("aria-current", String(Number(button.dataset.clip) === this.current));
      }
    }

    neighbour(step) {
      const place = this.shown.indexOf(this.current) + step;
      if (place >= 0 && place < this.shown.length) this.open(this.shown[place], true);
    }

    async open(n, load_now) {
      const opened = ++this.opened;
      if (this.together) this.together.close();
      this.current = n;
      this.mark();
      const clip = this.board.clips[n];
      const { entrants } = this.board;
      const first = clip.films.findIndex((film) => film !== null);
      if (!clip.films[this.sound]) this.sound = Math.max(0, first);
      this.tiles = entrants.map((entrant, place) => this.tile(entrant, place, clip, load_now));
      const videos = this.tiles.filter((tile) => tile.video).map((tile) => tile.video);
      const rates = clip.films.filter((film) => film && film.fps).map((film) => film.fps);
      this.fps = rates.length ? Math.max(...rates) : FPS;
      this.cursors = { place: () => {} };
      this.together = videos.length ? new Together(videos, this.fps, () => this.update()) : null;
      const parts = [make("h4", {}, clip.id, " ", make("small", { textContent: clip.speaker }))];
      if (clip.prompt) parts.push(make("p", { className: "prompt", textContent: clip.prompt }));
      parts.push(make("div", { className: "tiles" }, ...this.tiles.map((tile) => tile.figure)));
      if (this.together) parts.push(this.transport());
      this.charts = make("div", { className: "charts" });
      parts.push(this.charts);
      if (clip.troubles.length) {
        parts.push(make("ul", { className: "notes" }, ...clip.troubles.map((text) => make("li", { textContent: text }))));
      }
      parts.push(this.scores(clip));
      this.stage.replaceChildren(...parts);
      this.choose(this.sound);
      const curves = await load(`${this.board.prefix}${n}`);
      if (opened !== this.opened) return;
      this.cursors = charts(this.charts, curves, this.board.curveTitles, entrants,
        (time) => { if (this.together) this.together.seek(time); });
      this.update();
    }

    tile(entrant, place, clip, load_now) {
      const film = clip.films[place];
      const name = make("span", {}, swatch(entrant), entrant.title);
      if (!film) {
        const absent = make("p", { className: "absent", textContent: "no video" });
        return { video: null, figure: make("figure", { className: "tile" }, make("figcaption", {}, name), absent) };
      }
      const sound = make("input", { type: "radio", name: `${this.board.prefix}sound`, checked: place === this.sound });
      sound.addEventListener("change", () => this.choose(place));
      const video = make("video", { preload: load_now ? "auto" : "metadata", playsInline: true, muted: true });
      if (film.thumbnail) video.poster = path(film.thumbnail);
      video.src = path(film.src);
      video.setAttribute("aria-label", `${entrant.title}, ${clip.id}`);
      const figure = make("figure", { className: "tile" },
        make("figcaption", {}, name, make("label", {}, sound, " sound")), video);
      video.addEventListener("click", () => this.together && this.together.toggle());
      video.addEventListener("error", () => {
        if (!video.getAttribute("src")) return;
        const text = "This browser cannot play it: ";
        video.replaceWith(make("p", { className: "absent" }, text, make("a", { href: path(film.src), textContent: film.src })));
        if (this.together) this.together.videos = this.together.videos.filter((one) => one !== video);
      });
      return { video, figure };
    }

    choose(place) {
      this.sound = place;
      this.tiles.forEach((tile, n) => tile.figure.classList.toggle("sounding", n === place && Boolean(tile.video)));
      const { video } = this.tiles[place];
      if (this.together && video) this.together.lead(video);
    }

    transport() {
      const { together } = this;
      this.playButton = make("button", { type: "button", textContent: "Play" });
      this.playButton.addEventListener("click", () => together.toggle());
      const back = make("button", { type: "button", textContent: "−1 frame" });
      const ahead = make("button", { type: "button", textContent: "+1 frame" });
      back.addEventListener("click", () => together.move(-1));
      ahead.addEventListener("click", () => together.move(1));
      this.slider = make("input", { type: "range", min: 0, max: 1, step: "any", value: 0 });
      this.slider.setAttribute("aria-label", "Time");
      this.slider.addEventListener("input", () => together.seek(Number(this.slider.value)));
      this.rate = make("select", {}, ...[0.25, 0.5, 1, 2].map((rate) => option(rate, `${rate}×`)));
      this.rate.value = "1";
      this.rate.addEventListener("change", () => together.setRate(Number(this.rate.value)));
      const loop = make("input", { type: "checkbox" });
      loop.addEventListener("change", () => { together.loop = loop.checked; });
      this.clock = make("output", { textContent: "" });
      const hint = "Keys: space, ← → frames, shift + ← → seconds, ↑ ↓ clips, digits sound";
      return make("div", { className: "transport" }, this.playButton, back, ahead, this.slider, this.clock,
        labelled("Speed", this.rate), make("label", {}, loop, " loop"), make("small", { textContent: hint }));
    }

    scores(clip) {
      const { entrants, metrics } = this.board;
      const head = make("tr", {}, make("th", { textContent: "This clip" }),
        ...entrants.map((entrant) => make("th", { className: "number" }, swatch(entrant), entrant.title)));
      const rows = metrics.map((metric, m) => {
        const cells = entrants.map((_, e) => {
          const cell = make("td", { className: "number", textContent: number(clip.values[m][e], metric.digits) });
          const why = clip.why[`${m},${e}`];
          if (why) cell.dataset.tip = why;
          return cell;
        });
        return make("tr", {}, make("th", { scope: "row", textContent: metric.title }), ...cells);
      });
      return make("div", { className: "scroll" },
        make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
    }

    update() {
      const { together } = this;
      if (!together || !this.slider) return;
      const { time } = together;
      this.slider.max = together.duration || 1;
      this.slider.value = time;
      this.clock.textContent = `${time.toFixed(2)} s, frame ${together.frame}`;
      this.playButton.textContent = together.playing ? "Pause" : "Play";
      this.cursors.place(time);
    }

    key(event) {
      const { together } = this;
      const step = event.key === "ArrowRight" ? 1 : -1;
      if (event.key === " " && together) together.toggle();
      else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && together) {
        if (event.shiftKey) together.seek(together.time + step);
        else together.move(step);
      } else if (event.key === "ArrowUp") this.neighbour(-1);
      else if (event.key === "ArrowDown") this.neighbour(1);
      else if (/^[1-9]$/.test(event.key) && this.tiles && this.tiles[event.key - 1] && this.tiles[event.key - 1].video) {
        this.choose(event.key - 1);
        this.tiles[event.key - 1].figure.querySelector("input").checked = true;
      } else return;
      event.preventDefault();
    }
  }

  /* Keys belong to a control that has the focus; then to the clip that is open. */
  function keys(event) {
    if (!active || event.ctrlKey || event.altKey || event.metaKey) return;
    const at = document.activeElement;
    if (at && at.matches("input:not([type=radio]):not([type=checkbox]), select, textarea")) return;
    if (at && event.key === " " && at.matches("button, a, summary, input")) return;
    const inside = at === document.body || active.host.contains(at);
    if (inside) active.key(event);
  }

  function start() {
    const viewers = [...document.querySelectorAll("[data-viewer]")]
      .map((host) => new Viewer(host, window.liveactReport[Number(host.dataset.viewer)]));
    window.liveactViewers = viewers;
    document.addEventListener("keydown", keys);
  }

  start();
})();
