// Optional: updates the event feed live and folds long pages on small screens. The page works without this script.
"use strict";

const feed = document.getElementById("event-feed");
const state = document.getElementById("feed-state");
const dot = document.getElementById("feed-dot");
const KEPT = 50;

function show(trouble) {
  state.textContent = trouble || "listening to latchkey.v1.>";
  dot.classList.toggle("ok", !trouble);
}

function add(markup) {
  const piece = document.createElement("template");
  piece.innerHTML = markup; // HTML of the playground's server, which escapes all values
  const entry = piece.content.firstElementChild;
  if (document.getElementById(entry.id)) return; // after a reconnect the stream repeats the latest events
  entry.classList.add("new");
  feed.prepend(entry);
  while (feed.children.length > KEPT) feed.lastElementChild.remove();
}

const stream = new EventSource("/feed");
stream.addEventListener("event", (message) => add(message.data));
stream.addEventListener("state", (message) => show(message.data));
stream.addEventListener("error", () => show("the playground does not respond; reconnecting"));

if (matchMedia("(max-width: 40rem)").matches) {
  // An unfolded run is too long for a phone: show only the lines with method, address and status.
  for (const exchange of document.querySelectorAll("li:not(.failed) > .exchange")) exchange.open = false;
}
