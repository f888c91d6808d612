// Conveniences: the event feed moves by itself, and long pages fold on small screens. The page is complete without them.
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
  piece.innerHTML = markup; // made by our own server, which escapes everything
  const entry = piece.content.firstElementChild;
  if (document.getElementById(entry.id)) return; // a stream that comes back begins with what is kept
  entry.classList.add("new");
  feed.prepend(entry);
  while (feed.children.length > KEPT) feed.lastElementChild.remove();
}

const stream = new EventSource("/feed");
stream.addEventListener("fact", (message) => add(message.data));
stream.addEventListener("state", (message) => show(message.data));
stream.addEventListener("error", () => show("the playground does not answer; trying again"));

if (matchMedia("(max-width: 40rem)").matches) {
  // A whole run unfolded is too long for a phone: there the lines with method, address and status tell the story.
  for (const exchange of document.querySelectorAll("li:not(.failed) > .exchange")) exchange.open = false;
}
