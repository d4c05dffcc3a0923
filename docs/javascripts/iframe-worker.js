// Search from disk: browsers start no worker of a page that was opened as a file, so an iframe does its
// work there. Messages go as they would to a worker; those sent before the script is there wait for it.
class IFrameWorker extends EventTarget {
  constructor(url) {
    super();
    const script = document.createElement("script");
    script.src = url;
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.srcdoc = script.outerHTML;
    this.window = new Promise((resolve) => {
      frame.addEventListener("load", () => {
        frame.contentWindow.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        resolve(frame.contentWindow);
      });
    });
    document.body.append(frame);
  }

  async postMessage(data) {
    (await this.window).dispatchEvent(new MessageEvent("message", { data }));
  }
}

if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = IFrameWorker;
}
