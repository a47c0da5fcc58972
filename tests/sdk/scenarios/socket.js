'use strict';
// Opens a WebSocket, says one word, and gives what it heard.

module.exports = async ({ menshen, given, caught }) => {
  const socket = await menshen.connect({ url: given.url }).catch((error) => ({ error: caught(error) }));
  if (socket.error) return socket;
  const heard = [];
  await new Promise((resolve) => {
    socket.onError(({ errMsg }) => resolve(heard.push(errMsg)));
    socket.onMessage(({ data }) => {
      heard.push(data);
      if (heard.length === 1) socket.send({ data: '你好' });
      else resolve();
    });
  });
  socket.close();
  return { heard };
};
