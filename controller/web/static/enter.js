// Takes the token out of the address, where it would stay in the history, and signs in with it.

const form = document.getElementById("enter");
const token = location.hash.slice(1);
if (form && token) {
  history.replaceState(null, "", location.pathname);
  form.elements.token.value = token;
  form.requestSubmit();
}
