"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("timeline");
  const overview = document.getElementById("overview");
  const tip = document.getElementById("tip");
  const shown = document.getElementById("shown");
  const lanes = data.lanes;
  const ROW = 30, STATES = 24, MARKS = 22, AXIS = 22, GUTTER = 168;
  const whole = { from: data.start, to: data.start + Math.max(data.span, 1) };
  let view = { ...whole };
  let drag = null;

  // What the page holds of the log: every call, or shares of equal pieces of the time.

  function bytes(text) {
    const raw = atob(text);
    const made = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) made[i] = raw.charCodeAt(i);
    return made;
  }
  const times = data.times === undefined ? null : new Float64Array(bytes(data.times).buffer);
  const calls = times && new Uint16Array(bytes(data.calls).buffer);
  const busy = times ? null : data.busy.map(bytes);
  const stepAt = times && countSteps();

  function countSteps() {
    const made = new Uint32Array(calls.length);
    let step = 0;
    for (let i = 0; i < calls.length; i++) {
      if (data.names[calls[i]] && data.names[calls[i]][2]) step++;
      made[i] = step;
    }
    return made;
  }

  function firstAfter(moment) { // the first call that begins after a moment
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] + data.start <= moment) low = middle + 1; else high = middle;
    }
    return low;
  }

  // For each lane and column, which share of the column's time the lane had.
  function shares(range, width) {
    const made = lanes.map(() => new Float32Array(width));
    const scale = width / (range.to - range.from);
    if (times) spreadCalls(made, range, scale, width); else spreadBins(made, range, width);
    return made;
  }

  function spread(row, from, to, width, weight) {
    const first = Math.max(0, from), last = Math.min(width, to);
    for (let x = Math.floor(first); x < last; x++) {
      row[x] += weight * (Math.min(x + 1, last) - Math.max(x, first));
    }
  }

  function spreadCalls(made, range, scale, width) {
    for (let i = Math.max(firstAfter(range.from) - 1, 0); i < times.length; i++) {
      const begin = times[i] + data.start;
      if (begin >= range.to) break;
      const end = i + 1 < times.length ? times[i + 1] + data.start : whole.to;
      const name = data.names[calls[i]];
      if (!name || name[1] < 0) continue;
      spread(made[name[1]], (begin - range.from) * scale, (end - range.from) * scale, width, 1);
    }
  }

  function spreadBins(made, range, width) {
    const bin = (whole.to - whole.from) / data.bins;
    for (let lane = 0; lane < lanes.length; lane++) {
      const row = busy[lane];
      for (let x = 0; x < width; x++) {
        const from = (range.from + (range.to - range.from) * x / width - whole.from) / bin;
        const to = (range.from + (range.to - range.from) * (x + 1) / width - whole.from) / bin;
        let sum = 0;
        for (let b = Math.floor(from); b < to; b++) {
          sum += (row[b] || 0) * (Math.min(b + 1, to) - Math.max(b, from));
        }
        made[lane][x] = sum / (to - from) / 255;
      }
    }
  }

  // Drawing

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  function prepared(on, height) {
    const ratio = window.devicePixelRatio || 1;
    const width = on.clientWidth;
    on.width = Math.round(width * ratio);
    on.height = Math.round(height * ratio);
    on.style.height = height + "px";
    const pen = on.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    return [pen, width];
  }

  const gutter = () => (canvas.clientWidth < 620 ? 104 : GUTTER);
  const heightOfAll = () => STATES + MARKS + lanes.length * ROW + AXIS;

  function fitted(pen, words, width) {
    if (pen.measureText(words).width <= width) return words;
    let cut = words;
    while (cut.length > 1 && pen.measureText(cut + "…").width > width) cut = cut.slice(0, -1);
    return cut + "…";
  }

  function draw() {
    const [pen, all] = prepared(canvas, heightOfAll());
    const left = gutter(), width = Math.max(all - left, 10);
    const ink = colour("ink"), muted = colour("muted"), line = colour("line");
    drawStates(pen, left, width, ink, muted);
    drawAxis(pen, left, width, muted, line);
    drawLanes(pen, left, width, ink);
    drawMarks(pen, left, width, muted);
    if (drag && drag.kind === "select") {
      pen.fillStyle = colour("accent");
      pen.globalAlpha = 0.18;
      pen.fillRect(Math.min(drag.x, drag.now), 0, Math.abs(drag.now - drag.x), heightOfAll() - AXIS);
      pen.globalAlpha = 1;
    }
    drawOverview();
    const span = view.to - view.from;
    shown.textContent = span >= whole.to - whole.from
      ? "all " + duration(span)
      : duration(span) + " from " + duration(view.from - whole.from) + " on";
  }

  const place = (moment, left, width) =>
    left + (moment - view.from) / (view.to - view.from) * width;

  function drawStates(pen, left, width, ink, muted) {
    pen.fillStyle = muted;
    pen.fillText("State", 0, STATES / 2);
    data.states.forEach((state, number) => {
      const from = Math.max(place(state.from, left, width), left);
      const to = Math.min(place(state.to, left, width), left + width);
      if (to <= left || from >= left + width || to - from < 0.3) return;
      pen.fillStyle = colour("accent");
      pen.globalAlpha = number % 2 ? 0.30 : 0.16;
      pen.fillRect(from, 2, to - from, STATES - 4);
      pen.globalAlpha = 1;
      pen.fillStyle = ink;
      const words = fitted(pen, state.name, to - from - 10);
      if (words.length > 2) pen.fillText(words, from + 6, STATES / 2);
    });
  }

  function drawLanes(pen, left, width, ink) {
    const columns = Math.max(Math.round(width), 1);
    const found = shares(view, columns);
    lanes.forEach((lane, number) => {
      const top = STATES + MARKS + number * ROW, high = ROW - 6;
      pen.fillStyle = ink;
      pen.fillText(fitted(pen, lane.title, left - 12), 0, top + ROW / 2 - 2);
      pen.fillStyle = colour("rail");
      pen.fillRect(left, top, width, high);
      pen.fillStyle = colour(lane.place);
      for (let x = 0; x < columns; x++) {
        const share = Math.min(found[number][x], 1);
        if (share > 0.0005) {
          const size = Math.max(share * high, 1);
          pen.fillRect(left + x, top + high - size, 1.02, size);
        }
      }
    });
  }

  function drawMarks(pen, left, width, muted) {
    const middle = STATES + MARKS / 2 - 1;
    pen.fillStyle = muted;
    pen.fillText("Events", 0, middle);
    for (const mark of data.marks) {
      const x = place(mark.at, left, width);
      if (x < left || x > left + width + 1) continue;
      pen.fillStyle = colour(markColour(mark.tone));
      if (mark.tone === "end") {
        pen.fillRect(x - 2, STATES, 2, heightOfAll() - STATES - AXIS);
        continue;
      }
      pen.beginPath();
      pen.arc(x, middle, 4, 0, 7);
      pen.fill();
    }
  }

  const markColour = (tone) =>
    ({ good: "good", bad: "bad", end: "bad", warn: "between_steps", note: "note" })[tone] || "muted";

  function drawAxis(pen, left, width, muted, line) {
    const bottom = heightOfAll() - AXIS;
    const unit = tick((view.to - view.from) / Math.max(width / 110, 1));
    const first = Math.ceil((view.from - whole.from) / unit) * unit;
    for (let at = first; at <= view.to - whole.from; at += unit) {
      const x = place(at + whole.from, left, width);
      pen.strokeStyle = line;
      pen.beginPath();
      pen.moveTo(x + 0.5, STATES);
      pen.lineTo(x + 0.5, bottom);
      pen.stroke();
      pen.fillStyle = muted;
      const words = label(at, unit);
      const half = pen.measureText(words).width / 2;
      const middle = Math.min(Math.max(x, left + half), left + width - half);
      pen.fillText(words, middle - half, bottom + AXIS / 2 + 2);
    }
  }

  function tick(least) {
    const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
    for (const factor of [1, 2, 5]) if (factor * power >= least) return factor * power;
    return 10 * power;
  }

  function label(at, unit) { // as many digits as tell two ticks apart
    const [name, size] = unitOf(Math.max(at, unit));
    const digits = Math.max(0, Math.ceil(Math.log10(size / unit) - 1e-9));
    return (at / size).toFixed(Math.min(digits, 9)) + " " + name;
  }

  const unitOf = (value) =>
    [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]].find(([, size]) => value >= size) || ["ns", 1];

  function duration(value) {
    const [name, size] = unitOf(value);
    const number = value / size;
    return (size === 1 ? number.toFixed(0) : number.toPrecision(number >= 100 ? 4 : 3)) + " " + name;
  }

  let overviewRows = null;
  function drawOverview() {
    const high = 34;
    const [pen, all] = prepared(overview, high);
    const left = gutter(), width = Math.max(all - left, 10), columns = Math.round(width);
    if (!overviewRows || overviewRows[0] !== columns) {
      overviewRows = [columns, shares(whole, columns)];
    }
    const rows = overviewRows[1];
    pen.fillStyle = colour("muted");
    pen.fillText("Everything", 0, high / 2);
    for (let x = 0; x < columns; x++) {
      let top = high;
      lanes.forEach((lane, number) => {
        const size = Math.min(rows[number][x], 1) * high;
        pen.fillStyle = colours[lane.place];
        pen.fillRect(left + x, top - size, 1.02, size);
        top -= size;
      });
    }
    const from = left + (view.from - whole.from) / (whole.to - whole.from) * width;
    const to = left + (view.to - whole.from) / (whole.to - whole.from) * width;
    pen.fillStyle = colour("panel");
    pen.globalAlpha = 0.72;
    pen.fillRect(left, 0, from - left, high);
    pen.fillRect(to, 0, left + width - to, high);
    pen.globalAlpha = 1;
    pen.strokeStyle = colour("accent");
    pen.lineWidth = 2;
    pen.strokeRect(from + 1, 1, Math.max(to - from - 2, 2), high - 2);
    pen.lineWidth = 1;
  }

  let colours = {};
  function readColours() {
    for (const lane of lanes) colours[lane.place] = colour(lane.place);
  }

  // Moving

  function show(from, to) {
    const least = times ? 200 : (whole.to - whole.from) / data.bins * 20;
    const most = whole.to - whole.from;
    const span = Math.min(Math.max(to - from, Math.min(least, most)), most);
    let begin = (from + to) / 2 - span / 2;
    begin = Math.min(Math.max(begin, whole.from), whole.to - span);
    view = { from: begin, to: begin + span };
    redraw();
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  }

  function zoom(factor, around) {
    const at = around === undefined ? (view.from + view.to) / 2 : around;
    const from = at - (at - view.from) * factor, to = at + (view.to - at) * factor;
    show(from, to);
  }

  function pan(share) {
    const by = (view.to - view.from) * share;
    show(view.from + by, view.to + by);
  }

  const momentAt = (x) =>
    view.from + (x - gutter()) / Math.max(canvas.clientWidth - gutter(), 1) * (view.to - view.from);

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    const x = Math.max(event.offsetX, gutter());
    drag = { kind: event.shiftKey ? "pan" : "select", x, now: x, view: { ...view } };
    tip.hidden = true;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) { point(event); return; }
    drag.now = Math.max(event.offsetX, gutter());
    if (drag.kind === "pan") {
      const by = (drag.x - drag.now) / (canvas.clientWidth - gutter()) * (view.to - view.from);
      show(drag.view.from + by, drag.view.to + by);
    } else redraw();
  });
  canvas.addEventListener("pointerup", () => {
    const done = drag;
    drag = null;
    if (done && done.kind === "select" && Math.abs(done.now - done.x) > 4) {
      const ends = [momentAt(done.x), momentAt(done.now)].sort((a, b) => a - b);
      show(ends[0], ends[1]);
    } else redraw();
  });
  canvas.addEventListener("pointercancel", () => { drag = null; redraw(); });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("dblclick", () => show(whole.from, whole.to));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / 1000);
    else zoom(Math.exp(event.deltaY / 400), momentAt(event.offsetX));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const moves = {
      ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
      Home: () => show(whole.from, whole.to), Escape: () => show(whole.from, whole.to),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  });
  document.getElementById("closer").addEventListener("click", () => zoom(0.4));
  document.getElementById("farther").addEventListener("click", () => zoom(2.5));
  document.getElementById("everything").addEventListener("click", () => show(whole.from, whole.to));

  const lead = (event) => {
    const width = Math.max(overview.clientWidth - gutter(), 1);
    const at = whole.from + (event.offsetX - gutter()) / width * (whole.to - whole.from);
    const half = (view.to - view.from) / 2;
    show(at - half, at + half);
  };
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    lead(event);
  });
  overview.addEventListener("pointermove", (event) => { if (event.buttons & 1) lead(event); });

  document.querySelectorAll("button.jump").forEach((button) => {
    button.addEventListener("click", () => {
      const from = Number(button.dataset.from), span = Number(button.dataset.span);
      show(from - span * 0.5, from + span * 1.5);
      canvas.scrollIntoView({ block: "center", behavior: "smooth" });
    });
  });

  // Pointing

  function point(event) {
    const words = wordsAt(event.offsetX, event.offsetY);
    tip.hidden = !words;
    if (!words) return;
    tip.textContent = words;
    const over = canvas.parentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(Math.min(event.offsetX + 14, over), 0) + "px";
    tip.style.top = canvas.offsetTop + event.offsetY + 18 + "px";
  }

  function wordsAt(x, y) {
    const left = gutter();
    if (x < left) return "";
    const moment = momentAt(x);
    const since = "after " + duration(Math.max(moment - whole.from, 0));
    if (y < STATES) {
      const state = data.states.find((one) => one.from <= moment && moment < one.to);
      return state ? state.name + "\n" + duration(state.to - state.from) : since;
    }
    if (y < STATES + MARKS) return markAt(x, left) || since;
    const lane = Math.floor((y - STATES - MARKS) / ROW);
    if (!lanes[lane]) return since;
    return times ? callAt(moment, since) : shareAt(lane, moment, since);
  }

  function markAt(x, left) {
    const width = canvas.clientWidth - left;
    const near = data.marks.filter((mark) => Math.abs(place(mark.at, left, width) - x) < 6);
    const words = near.slice(0, 3).map((m) => m.words + "\nafter " + duration(m.at - whole.from));
    return words.join("\n") + (near.length > 3 ? "\n… and " + (near.length - 3) + " more" : "");
  }

  function callAt(moment, since) {
    const i = firstAfter(moment) - 1;
    if (i < 0 || !data.names[calls[i]]) return since;
    const end = i + 1 < times.length ? times[i + 1] + data.start : whole.to;
    const took = duration(end - times[i] - data.start);
    const step = stepAt[i] ? "\nstep " + stepAt[i].toLocaleString("en") : "";
    return data.names[calls[i]][0] + "\n" + took + step + ", " + since;
  }

  function shareAt(lane, moment, since) {
    const bin = Math.floor((moment - whole.from) / (whole.to - whole.from) * data.bins);
    const share = (busy[lane][bin] || 0) / 255;
    const piece = duration((whole.to - whole.from) / data.bins);
    return lanes[lane].title + "\n" + (100 * share).toFixed(0) + " % of " + piece + ", " + since;
  }

  window.addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    redraw();
  });
  readColours();
  draw();
})();
