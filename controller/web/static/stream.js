// One stream of events for all tabs of a browser: the tab that holds the lock reads it and tells
// the others. A browser opens six connections to a host at most, and every tab wants its pages.

const CHANNEL = "sanaga-events";
const STREAM = "/api/v1/stream";
const KINDS = ["health", "incident", "consultation", "operation", "resync", "beat", "signed-out"];
// Two beats that do not come say that nothing does.
const STALE_MS = 12_000;
const AGAIN_MS = 3_000;

export class Stream extends EventTarget {
  constructor() {
    super();
    this.heardMs = 0;
    this.ended = false;
    this.channel = new BroadcastChannel(CHANNEL);
    this.channel.onmessage = ({ data }) => this.take(data);
    setInterval(() => this.check(), 1_000);
    for (const [target, name] of [[document, "visibilitychange"], [window, "online"]]) {
      target.addEventListener(name, () => this.check());
    }
    navigator.locks.request("sanaga-stream", () => this.read());
  }

  // Reads for as long as this tab lives; the lock then goes to another one.
  read() {
    return new Promise(() => this.connect());
  }

  connect() {
    if (this.ended) return;
    this.source?.close();
    this.source = new EventSource(STREAM);
    this.openedMs = Date.now();
    for (const kind of KINDS) {
      this.source.addEventListener(kind, (event) => {
        const told = { kind, data: JSON.parse(event.data) };
        this.channel.postMessage(told);
        this.take(told);
      });
    }
    this.source.onerror = () => this.failed();
  }

  // A browser comes back by itself unless the answer was an error: then we look why.
  async failed() {
    if (this.source.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/api/v1/summary").catch(() => null);
    if (answer?.status === 401) {
      const told = { kind: "signed-out", data: {} };
      this.channel.postMessage(told);
      this.take(told);
    } else {
      setTimeout(() => this.connect(), AGAIN_MS);
    }
  }

  take({ kind, data }) {
    this.heardMs = Date.now();
    if (kind === "signed-out") {
      this.ended = true;
      this.source?.close();
    }
    this.dispatchEvent(new CustomEvent(kind, { detail: data }));
    this.tell();
  }

  check() {
    const silentMs = Date.now() - Math.max(this.heardMs, this.openedMs ?? 0);
    // After sleep a connection may look open that is dead.
    if (this.source && silentMs > 2 * STALE_MS) this.connect();
    this.tell();
  }

  get stale() {
    return Date.now() - this.heardMs > STALE_MS;
  }

  tell() {
    this.dispatchEvent(new Event("standing"));
  }
}
