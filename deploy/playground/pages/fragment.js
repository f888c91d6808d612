// The response is in the URL fragment, which only a script of this page can read.
"use strict";

document.getElementById("no-script").hidden = true;
const answer = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname); // tokens stay neither in the address bar nor in the history
const form = document.getElementById("fragment-answer");
const names = [...answer.keys()];
for (const [name, value] of answer) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = name;
  field.value = value;
  form.append(field);
}
if (names.length) form.submit();
else document.getElementById("no-answer").hidden = false;
