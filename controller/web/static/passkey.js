// A passkey as the second factor of a sign-in (WebAuthn); the answer goes with the form.

const form = document.getElementById("passkey-form");
const octets = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

async function answer() {
  const options = JSON.parse(form.dataset.options);
  options.challenge = octets(options.challenge);
  for (const one of options.allowCredentials ?? []) one.id = octets(one.id);
  const credential = await navigator.credentials.get({ publicKey: options });
  document.getElementById("passkey").value = JSON.stringify(credential.toJSON());
  form.submit();
}

document.getElementById("use-passkey").addEventListener("click", () => answer().catch(() => {}));
