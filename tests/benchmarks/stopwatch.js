// Takes times in the page's own clock; runs before the page's scripts.

window.stopwatch = {
  // Milliseconds, when what is awaited has been painted: since the navigation began.
  painted: (isThere) => new Promise((resolve) => {
    const look = () => {
      if (!isThere()) return requestAnimationFrame(look);
      // This frame shows it; what is posted now runs once the frame is done.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(performance.now());
      port2.postMessage(null);
    };
    requestAnimationFrame(look);
  }),

  // Milliseconds from the next event of this kind until what is awaited has been painted.
  since: (kind, isThere) => new Promise((resolve) => {
    const begin = async (event) => resolve((await window.stopwatch.painted(isThere)) - event.timeStamp);
    addEventListener(kind, begin, { capture: true, once: true });
  }),

  shown: (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()),
};
