// Passkeys (WebAuthn): one is asked for as a second factor, or a new one is made; the answer goes
// with the form.

const form = document.getElementById("passkey-form");
const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

function decoded(options) {
  options.challenge = octets(options.challenge);
  if (options.user) options.user.id = octets(options.user.id);
  for (const one of [...(options.allowCredentials ?? []), ...(options.excludeCredentials ?? [])]) one.id = octets(one.id);
  return { publicKey: options };
}

async function answer() {
  const options = decoded(JSON.parse(form.dataset.options));
  const made = form.dataset.act === "create" ? navigator.credentials.create(options) : navigator.credentials.get(options);
  document.getElementById("passkey").value = JSON.stringify((await made).toJSON());
  form.submit();
}

document.getElementById("use-passkey").addEventListener("click", () => {
  const fault = document.getElementById("passkey-fault");
  if (fault) fault.hidden = true;
  answer().catch(() => {
    if (fault) fault.hidden = false;
  });
});
