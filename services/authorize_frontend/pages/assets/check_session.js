// Responds to "<client_id> <session_state>" with "unchanged", "changed" or "error" (OpenID Connect Session Management 1.0, 3.2).
// "error" also where the browser hides the cookies of this site from frames in other sites: whether the session has changed
// is then unknown.
// SHA-256 is implemented here (FIPS 180-4, 6.2), because browsers have no crypto.subtle on http pages.
"use strict";
(function () {
  var cookieName = document.currentScript.dataset.cookie;
  var K = [], H0 = [];

  function fraction(root) {
    return ((root - Math.floor(root)) * 4294967296) | 0;
  }

  for (var candidate = 2; K.length < 64; candidate++) {
    var prime = true;
    for (var divisor = 2; divisor * divisor <= candidate; divisor++) {
      if (candidate % divisor === 0) { prime = false; break; }
    }
    if (!prime) { continue; }
    if (H0.length < 8) { H0.push(fraction(Math.sqrt(candidate))); }
    K.push(fraction(Math.cbrt(candidate)));
  }

  function rotate(word, by) {
    return (word >>> by) | (word << (32 - by));
  }

  function padded(text) {
    var bytes = Array.from(new TextEncoder().encode(text));
    var bits = bytes.length * 8;
    bytes.push(0x80);
    while (bytes.length % 64 !== 56) { bytes.push(0); }
    for (var shift = 56; shift >= 0; shift -= 8) {
      bytes.push(shift < 32 ? (bits >>> shift) & 255 : 0);
    }
    return bytes;
  }

  function compress(H, block) {
    var W = [], i;
    for (i = 0; i < 16; i++) {
      W.push((block[4 * i] << 24) | (block[4 * i + 1] << 16) | (block[4 * i + 2] << 8) | block[4 * i + 3]);
    }
    for (i = 16; i < 64; i++) {
      var s0 = rotate(W[i - 15], 7) ^ rotate(W[i - 15], 18) ^ (W[i - 15] >>> 3);
      var s1 = rotate(W[i - 2], 17) ^ rotate(W[i - 2], 19) ^ (W[i - 2] >>> 10);
      W.push((W[i - 16] + s0 + W[i - 7] + s1) | 0);
    }
    var a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
    for (i = 0; i < 64; i++) {
      var t1 = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      var t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    return [a, b, c, d, e, f, g, h].map(function (word, n) { return (word + H[n]) | 0; });
  }

  function sha256(text) {
    var bytes = padded(text), H = H0;
    for (var at = 0; at < bytes.length; at += 64) { H = compress(H, bytes.slice(at, at + 64)); }
    return H.map(function (word) { return (word >>> 0).toString(16).padStart(8, "0"); }).join("");
  }

  function browserState() {
    var found = document.cookie.split("; ").filter(function (pair) { return pair.indexOf(cookieName + "=") === 0; });
    return found.length ? found[0].slice(cookieName.length + 1) : "";
  }

  // Sandboxed pages have the origin "null": no client has this origin, and no message can be addressed to it.
  var NULL_ORIGIN = "null";

  function responseTo(message, origin) {
    var parts = typeof message === "string" ? message.split(" ") : [];
    var state = parts.length === 2 ? parts[1].split(".") : [];
    if (state.length !== 2 || !parts[0] || !state[0] || !state[1] || origin === NULL_ORIGIN) { return "error"; }
    try {
      var now = sha256(parts[0] + " " + origin + " " + browserState() + " " + state[1]);
      return now === state[0] ? "unchanged" : "changed";
    } catch (refused) { // in a sandboxed frame, document.cookie throws
      return "error";
    }
  }

  // Without a cookie there is no session, or the browser hides it: then nothing is known. `then` gets the response.
  function withoutCookie(response, then) {
    if (!document.hasStorageAccess) { then(navigator.cookieEnabled ? response : "error"); return; }
    document.hasStorageAccess().then(
      function (visible) { then(visible ? response : "error"); },
      function () { then("error"); }
    );
  }

  window.addEventListener("message", function (event) {
    if (!event.source || event.source === window) { return; }
    function respond(response) {
      event.source.postMessage(response, event.origin === NULL_ORIGIN ? "*" : event.origin);
    }
    var response = responseTo(event.data, event.origin);
    if (response === "changed" && !browserState()) { withoutCookie(response, respond); } else { respond(response); }
  });
})();
