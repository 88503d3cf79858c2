// The page's part of a live session: camera in, marked frames out, and how long that takes.
//
// The camera's picture is taken only when the studio is ready for one, so it is always the newest. At most two are on
// their way: while one is computed the next travels. Nothing is stored: no blob addresses, no caches, no canvas after Stop.
window.fommLive = (() => {
  const WIDTH = 480;        // of the camera pictures sent, px; the model sees a square of 256
  const QUALITY = 0.8;      // of their JPEG
  const ON_THE_WAY = 2;
  const KEPT = 3000;        // timings kept

  let session = null;       // {key, path, hints, media, flying, sent, shown, timings, told}
  let mirrored = true;
  let reason = "";          // why the page itself stopped, told by the studio

  const at = (id) => document.getElementById(id);

  async function start(begun, mirror) {
    leave();
    if (!begun) return;
    mirrored = mirror;
    const own = session = { ...JSON.parse(begun), media: null, flying: 0, sent: 0, shown: 0, timings: [], told: "" };
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
      const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" };
      own.media = await navigator.mediaDevices.getUserMedia({ video, audio: false });
      if (session !== own) return release(own);
      own.media.getVideoTracks()[0].addEventListener("ended", () => fail(own, "The camera was switched off."));
      const camera = at("live-camera");
      camera.srcObject = own.media;
      camera.classList.toggle("mirrored", mirrored);
      await camera.play();
    } catch (error) {
      return fail(own, refusal(error));
    }
    at("live-view").classList.add("on");
    next(own);
    own.ticker = setInterval(() => tell(own), 1000);
  }

  function refusal(error) {
    if (error.name === "NotAllowedError") return "The browser does not let this page use the camera; allow it, then go live again.";
    if (error.name === "NotFoundError") return "No camera was found; plug one in, then go live again.";
    if (error.name === "NotReadableError") return "Another program uses the camera; close it, then go live again.";
    if (error.name === "SecurityError") return "Browsers open the camera only on https pages and on localhost.";
    return "The camera could not be opened; try again.";
  }

  // Wait for the camera's next picture.
  function next(own) {
    if (session !== own) return;
    const camera = at("live-camera");
    const now = () => take(own, camera, performance.now());
    if (!camera.requestVideoFrameCallback) requestAnimationFrame(now);
    else camera.requestVideoFrameCallback((_, frame) => frame.captureTime ? take(own, camera, frame.captureTime) : now());
  }

  // `taken` is when the camera captured the picture, as far as the browser tells.
  function take(own, camera, taken) {
    if (session === own && own.flying < ON_THE_WAY && camera.videoWidth) send(own, camera, taken).catch(() => lost(own));
    next(own);
  }

  async function send(own, camera, taken) {
    const number = ++own.sent;
    own.flying++;
    try {
      const width = Math.min(WIDTH, camera.videoWidth);
      const paper = new OffscreenCanvas(width, Math.round(width * camera.videoHeight / camera.videoWidth));
      const pen = paper.getContext("2d");
      if (mirrored) pen.setTransform(-1, 0, 0, 1, width, 0);
      pen.drawImage(camera, 0, 0, width, paper.height);
      const body = await paper.convertToBlob({ type: "image/jpeg", quality: QUALITY });
      const root = new URL(window.gradio_config?.root ?? ".", location.href).pathname.replace(/\/$/, "");
      const answer = await fetch(root + own.path, {
        method: "POST", body, cache: "no-store", credentials: "same-origin", headers: { "X-Fomm-Live": own.key },
      });
      if (session !== own || answer.status === 204) return;
      if (!answer.ok) return fail(own, (await answer.json()).error);
      const told = JSON.parse(answer.headers.get("X-Fomm-Told"));
      const picture = await createImageBitmap(await answer.blob());
      if (session === own && number > own.shown) show(own, picture, number, taken, told);
      picture.close();
    } finally {
      own.flying--;
    }
  }

  function show(own, picture, number, taken, told) {
    own.shown = number;
    own.misses = 0;
    own.told = told;
    const canvas = at("live-canvas");
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    canvas.getContext("2d").drawImage(picture, 0, 0);
    // The browser paints right after the first callback; the message comes in after that, when the frame is seen.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        const seen = performance.now();
        own.timings.push({ seen, latency: seen - taken, server: told.ms });
        if (own.timings.length > KEPT) own.timings.shift();
      };
      port2.postMessage(null);
    });
  }

  // Requests fail when the network does; give up when it stays away.
  function lost(own) {
    own.misses = (own.misses ?? 0) + 1;
    if (own.misses > 20) fail(own, "The studio cannot be reached any more.");
  }

  function tell(own) {
    const since = performance.now() - 2000;
    const recent = own.timings.filter((timing) => timing.seen > since);
    const hint = recent.length ? own.hints[own.told.hint] ?? "" : "Waiting for the studio.";
    if (at("live-hint").textContent !== hint) at("live-hint").textContent = hint;
    if (!recent.length) return;
    const latencies = recent.map((timing) => timing.latency).sort((a, b) => a - b);
    const median = Math.round(latencies[latencies.length >> 1]);
    const recorded = own.told.recorded === null ? "" : ` · ${Math.floor(own.told.recorded)} s recorded`;
    at("live-numbers").textContent = `${Math.round(recent.length / 2)} frames a second · ${median} ms from camera to screen${recorded}`;
  }

  function release(own) {
    own.media?.getTracks().forEach((track) => track.stop());
    clearInterval(own.ticker);
  }

  function leave() {
    if (!session) return;
    release(session);
    session = null;
    const camera = at("live-camera"), canvas = at("live-canvas");
    if (!camera || !canvas) return;
    camera.srcObject = null;
    canvas.width = canvas.height = 1; // forgets the last frame
    at("live-view").classList.remove("on");
    at("live-numbers").textContent = at("live-hint").textContent = "";
  }

  // The page ends the session itself and presses Stop, so that the studio gives the place back.
  function fail(own, sentence) {
    if (session !== own) return;
    leave();
    reason = sentence;
    at("live-stop")?.click();
  }

  function stop() {
    leave();
    const told = reason;
    reason = "";
    return told;
  }

  function mirror(on) {
    mirrored = on;
    at("live-camera")?.classList.toggle("mirrored", on);
  }

  window.addEventListener("pagehide", leave);
  return { start, stop, mirror, timings: () => session?.timings ?? [] };
})();
