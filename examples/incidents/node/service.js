'use strict';
// The checkout service: answers GET /cart/N, and writes a log record of each request to the log collector.
//
//     node service.js PORT COLLECTOR_HOST COLLECTOR_PORT

const http = require('http');
const { Logger } = require('./logger');

const [port, collectorHost, collectorPort] = process.argv.slice(2);
const logger = new Logger(collectorHost, Number(collectorPort));

function priceCart(number) {
  let total = 0;
  for (let item = 1; item <= 12; item++) total += ((number * item) % 97) * item;
  return total;
}

let requests = 0;
const server = http.createServer((request, response) => {
  const cart = Number(request.url.split('/')[2]);
  const total = priceCart(cart);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ cart, total }));
  logger.write({ sequence: ++requests, url: request.url, headers: request.headers, total });
});

server.listen(Number(port), () => console.log(`listening on ${port}`));
