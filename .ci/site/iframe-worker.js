/* A browser starts no worker for a page that is opened from a folder (file:). There the search runs in a hidden frame
   instead, which takes the place of the worker: the theme looks for `IFrameWorker`, and waits for `importScripts`. */
if (location.protocol === "file:") {
  class IFrameWorker extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.body.appendChild(document.createElement("iframe"))
      this.frame.hidden = true
      const { contentWindow: inside, contentDocument: page } = this.frame
      inside.postMessage = data => this.#tell(data)
      inside.importScripts = (...urls) => urls.reduce((before, each) => before.then(() => load(page, each)), Promise.resolve())
      this.ready = load(page, url)
    }

    #tell(data) {
      const event = new MessageEvent("message", { data: structuredClone(data) })
      this.dispatchEvent(event)
      this.onmessage?.(event)
    }

    postMessage(data) {
      this.ready.then(() => {
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }))
      })
    }

    terminate() {
      this.frame.remove()
    }
  }

  function load(page, url) {
    return new Promise((done, failed) => {
      const script = page.createElement("script")
      Object.assign(script, { src: new URL(url, location.href), onload: done, onerror: failed })
      page.body.append(script)
    })
  }

  window.Worker = window.IFrameWorker = IFrameWorker
}
