/* Search without a server: a browser starts no worker for a page that was opened as a file, so that the search's script
   runs in a hidden frame instead. As with a worker, a message is a copy, and comes later than the call that sends it. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.head.parentNode.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => this.send(this, data);
      this.loaded = new Promise((resolve, reject) => {
        const script = inside.document.createElement("script");
        script.src = new URL(url, document.baseURI).href;
        script.onload = resolve;
        script.onerror = reject;
        inside.document.body.append(script);
      });
      this.loaded.catch(() => this.tell(this, "error", {}));
    }

    send(target, message) {
      const data = structuredClone(message);
      setTimeout(() => this.tell(target, "message", { data }));
    }

    tell(target, type, init) {
      const event = new MessageEvent(type, init);
      target.dispatchEvent(event);
      if (target === this && typeof this["on" + type] === "function") this["on" + type](event);
    }

    postMessage(data) {
      this.loaded.then(() => this.send(this.frame.contentWindow, data));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
