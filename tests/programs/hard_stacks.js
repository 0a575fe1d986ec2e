// Code that node compiles while it runs, its built-ins (map, sort, JSON, regular expressions), and its C++ side (zlib), until ended.
'use strict';
const zlib = require('zlib');

function fibonacci(n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

function nested(value, depth) {
  if (depth === 0) return JSON.parse(JSON.stringify(value));
  return [1, 2, 3].map(() => nested(value, depth - 1))[0];
}

const value = { rows: [], text: 'x'.repeat(100) };
for (let i = 0; i < 200; i++) value.rows.push({ i, name: 'row' + i });
for (;;) {
  fibonacci(20);
  nested(value, 5);
  zlib.deflateSync(Buffer.from(JSON.stringify(value)));
  value.rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  /(a+)+b/.test('aaaaaaaaaaaaaaac');
}
