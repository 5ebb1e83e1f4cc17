// The search of a site that is read from a disk. A browser starts no worker from a file there, so what the theme would
// run in a worker runs in a frame. Its own answer to that is a script from another machine, which it leaves out because
// mkdocs.yml names a polyfill called iframe-worker.
if (location.protocol === "file:") {
  // As between a page and a worker, what is sent is a copy, and it arrives later.
  const send = (receive, data) => {
    const event = new MessageEvent("message", { data: structuredClone(data) });
    setTimeout(() => receive(event));
  };

  window.Worker = class {
    #frame = document.createElement("iframe");
    #loaded = new Promise((resolve) => this.#frame.addEventListener("load", resolve));
    onmessage = null;

    constructor(url) {
      this.#frame.hidden = true;
      this.#frame.answer = (data) => send((event) => this.onmessage?.(event), data);
      this.#frame.srcdoc =
        "<script>self.postMessage = (data) => frameElement.answer(data)</script>" + `<script src="${url}"></script>`;
      document.body.append(this.#frame);
    }

    async postMessage(data) {
      await this.#loaded;
      send((event) => this.#frame.contentWindow?.dispatchEvent(event), data);
    }

    terminate() {
      this.#frame.remove();
    }
  };
}
