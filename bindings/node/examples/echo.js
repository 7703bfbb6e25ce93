const { WebSocket } = require('wskt');

const ws = new WebSocket(process.argv[2]);
ws.onopen = () => ws.send('hello');
ws.onmessage = (event) => {
  console.log(event.data);
  ws.close(1000, 'thanks');
};
ws.onclose = (end) => console.log(`closed: ${end.code} "${end.reason}" (${end.cause})`);
