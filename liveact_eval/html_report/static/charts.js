"use strict";
/* Curves over time under the videos, with a cursor that can be moved. */
window.liveactCharts = (() => {
  const SPACE = "http://www.w3.org/2000/svg";
  const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [360, 110, 48, 8, 8, 92];
  const FIRST = [/sync|mouth|offset/, /csim|identity/, /delta_e.*colour/, /sharp/, /flicker|adj/];

  function element(name, attributes, text) {
    const made = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const rank = (name) => {
    const found = FIRST.findIndex((pattern) => pattern.test(name));
    return found < 0 ? FIRST.length : found;
  };

  const tick = (value, spread) => value.toFixed(Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(spread || 1)))));

  function chart(title, curves, entrants, seconds, seek) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    const values = curves.flatMap((curve) => (curve ? curve[1].filter((v) => v !== null) : []));
    let low = values.reduce((a, b) => Math.min(a, b), Infinity);
    let high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!values.length) [low, high] = [0, 1];
    const margin = 0.06 * (high - low) || Math.max(Math.abs(high) * 0.05, 0.5);
    [low, high] = [low - margin, high + margin];
    const x = (t) => LEFT + ((WIDTH - LEFT - RIGHT) * t) / seconds;
    const y = (v) => BOTTOM - ((BOTTOM - TOP) * (v - low)) / (high - low);
    const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over time` });
    svg.append(
      element("path", { class: "axis", d: `M${LEFT} ${BOTTOM}H${WIDTH - RIGHT}` }),
      element("text", { x: LEFT - 6, y: TOP + 4, "text-anchor": "end", class: "faint" }, tick(high, high - low)),
      element("text", { x: LEFT - 6, y: BOTTOM, "text-anchor": "end", class: "faint" }, tick(low, high - low)),
      element("text", { x: LEFT, y: HEIGHT - 4, class: "faint" }, "0 s"),
      element("text", { x: WIDTH - RIGHT, y: HEIGHT - 4, "text-anchor": "end", class: "faint" }, `${seconds.toFixed(1)} s`),
    );
    curves.forEach((curve, place) => {
      if (!curve) return;
      const [fps, points] = curve;
      // No more points than the plot has room for.
      const stride = Math.max(1, Math.floor(points.length / 500));
      let path = "";
      let pen = "M";
      for (let n = 0; n < points.length; n += stride) {
        if (points[n] === null) { pen = "M"; continue; }
        path += `${pen}${x((n + 0.5) / fps).toFixed(1)} ${y(points[n]).toFixed(1)}`;
        pen = "L";
      }
      const colour = entrants[place].colour;
      svg.append(element("path", { class: `line c${colour} dash${colour}`, d: path }));
    });
    const cursor = element("path", { class: "cursor", d: `M0 ${TOP}V${BOTTOM}` });
    svg.append(cursor);
    const timeAt = (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * WIDTH;
      return Math.min(seconds, Math.max(0, ((at - LEFT) / (WIDTH - LEFT - RIGHT)) * seconds));
    };
    svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); seek(timeAt(event)); });
    svg.addEventListener("pointermove", (event) => { if (event.buttons) seek(timeAt(event)); });
    figure.append(caption, svg);
    return {
      figure,
      move: (time) => cursor.setAttribute("transform", `translate(${x(Math.min(time, seconds)).toFixed(2)} 0)`),
    };
  }

  /* All charts of a clip: `place(time)` moves their cursors. */
  function charts(host, curves, titles, entrants, seek) {
    const names = Object.keys(curves).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
    const ends = names.flatMap((name) => curves[name].map((curve) => (curve ? curve[1].length / curve[0] : 0)));
    const seconds = Math.max(0.04, ...ends);
    const made = names.map((name) => chart(titles[name] || name, curves[name], entrants, seconds, seek));
    host.replaceChildren(...made.map((one) => one.figure));
    return { place: (time) => { for (const one of made) one.move(time); } };
  }

  /* The curves of a clip are a script of their own: a page on a disk may not read data in another way. */
  function load(key) {
    const known = window.liveactCurves && window.liveactCurves[key];
    if (known) return Promise.resolve(known);
    return new Promise((done) => {
      const script = document.createElement("script");
      script.src = `curves/${key}.js`;
      script.onload = () => done((window.liveactCurves || {})[key] || {});
      script.onerror = () => done({});
      document.head.append(script);
    });
  }

  return { charts, load };
})();
