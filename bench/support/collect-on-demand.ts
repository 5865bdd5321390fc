// Preloaded into a server whose memory is looked at: on a message it collects all garbage and says what is still resident, in bytes.
process.on('message', async (message) => {
  if (message !== 'collect') return;
  // What a collection frees may let another free more; finalizers run in between.
  for (let times = 0; times < 4; times++) {
    globalThis.gc!();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  process.send!({ resident: process.memoryUsage.rss() });
});
process.channel?.unref();
