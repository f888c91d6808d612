// Passkeys (Web Authentication Level 3): passes the options of the page to the browser, and the credential to the form.
// Without this script, or in a browser without passkeys, the form stays hidden and the other options work.
"use strict";

(() => {
  const form = document.querySelector("form[data-passkey]");
  const missing = document.getElementById("passkey-missing");
  if (!form || !window.PublicKeyCredential || !navigator.credentials) return;
  const field = form.elements.namedItem("credential");
  const problem = document.getElementById("passkey-problem");
  const asked = JSON.parse(form.dataset.options);
  let waiting = null;

  const decoded = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  const encoded = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((each) => ({ ...each, id: decoded(each.id) }));

  const question = () => {
    const options = { ...asked, challenge: decoded(asked.challenge) };
    if (asked.user) options.user = { ...asked.user, id: decoded(asked.user.id) };
    if (asked.excludeCredentials) options.excludeCredentials = named(asked.excludeCredentials);
    if (asked.allowCredentials) options.allowCredentials = named(asked.allowCredentials);
    return options;
  };

  const answer = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = encoded(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      id: credential.id, rawId: encoded(credential.rawId), type: credential.type, clientExtensionResults: {}, response,
    });
  };

  const send = (credential) => {
    field.value = answer(credential);
    form.submit();
  };

  const ask = (more) => {
    if (waiting) waiting.abort();
    waiting = new AbortController();
    const request = { publicKey: question(), signal: waiting.signal, ...more };
    const make = form.dataset.passkey === "create";
    return make ? navigator.credentials.create(request) : navigator.credentials.get(request);
  };

  form.addEventListener("submit", async (event) => {
    if (event.submitter && event.submitter.value === "cancel") return;
    event.preventDefault();
    problem.hidden = true;
    try {
      send(await ask({}));
    } catch (error) {
      if (error.name !== "AbortError") problem.hidden = false;
    }
  });

  const offer = async () => {
    if (missing) missing.hidden = true;
    form.hidden = false;
    const conditional = PublicKeyCredential.isConditionalMediationAvailable;
    if (!form.hasAttribute("data-autofill") || !conditional || !(await conditional.call(PublicKeyCredential))) return;
    try {
      send(await ask({ mediation: "conditional" }));
    } catch {
      // The user made no choice in autofill, or clicked the button, whose handler shows errors.
    }
  };
  offer();
})();
