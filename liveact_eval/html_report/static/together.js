"use strict";
/* Several videos as one: started, stopped and sought together, and held together while they play.
 *
 * One video leads, the one that is heard. The others are muted; whoever runs ahead or behind is played a little slower
 * or faster, which nobody hears; if one is far off, all wait for it. Nothing moves before all can. */
window.liveactTogether = class Together {
  static FAR_S = 0.25;
  static NEAR_S = 0.008;

  constructor(videos, fps, changed) {
    this.videos = videos;
    this.fps = fps;
    this.changed = changed;
    this.leader = videos[0];
    this.rate = 1;
    this.loop = false;
    this.playing = false;
    this.closed = false;
    this.turn = 0;
    for (const video of videos) {
      video.addEventListener("seeked", () => this.changed());
    }
    this.step = this.step.bind(this);
  }

  get duration() { return Math.max(0, ...this.videos.map((v) => v.duration || 0)); }

  get time() {
    const clock = this.clock();
    return clock ? clock.currentTime : 0;
  }

  /* The leader; where it is over, another that is still going. */
  clock() {
    if (!this.leader.ended) return this.leader;
    return this.videos.find((v) => !v.ended) || this.leader;
  }

  lead(video) {
    const time = this.time;
    this.leader = video;
    for (const one of this.videos) {
      one.muted = one !== video;
      // To keep the pitch of what nobody hears costs time, and the clock of that video its evenness.
      one.preservesPitch = one === video;
    }
    if (!this.playing) this.seek(time);
  }

  /* A moment inside of a frame: on its edge either of two frames may be shown. */
  middle(time) {
    const last = Math.max(0, Math.round(this.duration * this.fps) - 1);
    const frame = Math.min(last, Math.max(0, Math.floor(time * this.fps + 1e-6)));
    return (frame + 0.5) / this.fps;
  }

  get frame() { return Math.floor(this.time * this.fps + 1e-6); }

  async seek(time) {
    const turn = ++this.turn;
    const resume = this.playing;
    this.stopAll();
    const at = this.middle(time);
    await Promise.all(this.videos.map((v) => this.seekOne(v, at)));
    if (turn !== this.turn || this.closed) return;
    this.changed();
    if (resume) await this.play();
  }

  seekOne(video, time) {
    const end = Math.max(0, (video.duration || 0) - 0.5 / this.fps);
    const wanted = Math.min(time, end);
    if (Math.abs(video.currentTime - wanted) < 1e-4 && !video.seeking) return Promise.resolve();
    return new Promise((done) => {
      const over = () => { video.removeEventListener("seeked", over); clearTimeout(limit); done(); };
      const limit = setTimeout(over, 5000);
      video.addEventListener("seeked", over);
      video.currentTime = wanted;
    });
  }

  async move(frames) {
    this.pause();
    await this.seek((this.frame + frames + 0.5) / this.fps);
  }

  async play() {
    if (this.time >= this.duration - 1 / this.fps) {
      this.playing = false;
      await this.seek(0);
    }
    const turn = ++this.turn;
    this.playing = true;
    this.changed();
    const time = this.time;
    const going = this.videos.filter((v) => time < (v.duration || 0) - 1 / this.fps);
    await Promise.all(going.map((v) => this.seekOne(v, time)));
    await Promise.all(going.map((v) => this.ready(v)));
    if (turn === this.turn && this.playing && !this.closed) await this.begin(turn, going);
  }

  async begin(turn, going) {
    for (const video of going) video.playbackRate = this.rate;
    // A browser may refuse to play with sound before anybody has clicked.
    await Promise.all(going.map((v) => v.play().catch(() => { v.muted = true; return v.play().catch(() => {}); })));
    if (turn === this.turn) requestAnimationFrame(this.step);
  }

  /* One that has to load, or is late with decoding, holds all. */
  async hold() {
    const turn = ++this.turn;
    const going = this.videos.filter((v) => !v.ended);
    this.stopAll();
    await Promise.all(going.map((v) => this.ready(v)));
    if (turn !== this.turn || this.closed) return;
    const time = this.time;
    const off = going.filter((v) => Math.abs(v.currentTime - time) > 0.5 / this.fps);
    await Promise.all(off.map((v) => this.seekOne(v, time)));
    await Promise.all(off.map((v) => this.ready(v)));
    if (turn === this.turn && this.playing && !this.closed) await this.begin(turn, going);
  }

  ready(video) {
    if (video.readyState >= 3 || video.error) return Promise.resolve();
    return new Promise((done) => {
      const over = () => { clearTimeout(limit); video.removeEventListener("canplay", over); done(); };
      const limit = setTimeout(over, 5000);
      video.addEventListener("canplay", over);
    });
  }

  stopAll() { for (const video of this.videos) video.pause(); }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    const time = this.time;
    this.stopAll();
    this.seek(time);
  }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  setRate(rate) {
    this.rate = rate;
    for (const video of this.videos) video.playbackRate = rate;
  }

  close() {
    this.closed = true;
    this.playing = false;
    this.turn += 1;
    for (const video of this.videos) { video.pause(); video.removeAttribute("src"); video.load(); }
  }

  step() {
    if (!this.playing || this.closed) return;
    const clock = this.clock();
    if (this.videos.every((v) => v.ended)) {
      if (this.loop) { this.seek(0); return; }
      this.playing = false;
      this.changed();
      return;
    }
    const time = clock.currentTime;
    const going = this.videos.filter((v) => !v.ended && !v.paused && !v.error);
    const aheads = going.map((v) => v.currentTime - time);
    const apart = Math.max(0, ...aheads.map(Math.abs));
    if (apart > Together.FAR_S || (apart > 0.5 / this.fps && going.some((v) => v.readyState < 3))) {
      this.hold();
      return;
    }
    going.forEach((video, n) => {
      let rate = this.rate;
      if (video !== clock && Math.abs(aheads[n]) > Together.NEAR_S) {
        rate *= 1 - Math.min(0.5, Math.max(-0.5, (8 * aheads[n]) / this.rate));
      }
      if (Math.abs(video.playbackRate - rate) > 0.02 * this.rate || rate === this.rate) video.playbackRate = rate;
    });
    this.changed();
    requestAnimationFrame(this.step);
  }
};
