// softmax and layer_norm in float32: a program that speaks assay's protocol with node alone.
//
//     assay run 'exec:node rows.js'

"use strict";
const fs = require("fs");

// ---- Messages ----

function read(length) {
  const bytes = Buffer.alloc(length);
  for (let at = 0, came; at < length; at += came) {
    came = fs.readSync(0, bytes, at, length - at);
    if (came === 0) process.exit(0); // standard input has ended: so does the program
  }
  return bytes;
}

function receive() {
  const lengths = read(12);
  const header = JSON.parse(read(lengths.readUInt32LE(0)));
  const block = read(Number(lengths.readBigUInt64LE(4)));
  return { header, tensors: tensorsIn(block) };
}

function send(header, block = Buffer.alloc(0)) {
  const text = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(12);
  lengths.writeUInt32LE(text.length, 0);
  lengths.writeBigUInt64LE(BigInt(block.length), 4);
  const message = Buffer.concat([lengths, text, block]);
  for (let at = 0; at < message.length; ) at += fs.writeSync(1, message, at);
}

function tensorsIn(block) {
  const found = {};
  if (block.length === 0) return found;
  const start = 8 + Number(block.readBigUInt64LE(0));
  const index = JSON.parse(block.subarray(8, start));
  delete index.__metadata__;
  for (const [name, { shape, data_offsets: [begin, end] }] of Object.entries(index)) {
    const values = new Float32Array((end - begin) / 4).map((_, k) => block.readFloatLE(start + begin + 4 * k));
    found[name] = { shape, values };
  }
  return found;
}

function blockOf(name, { shape, values }) {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, k) => bytes.writeFloatLE(value, 4 * k));
  const index = Buffer.from(JSON.stringify({ [name]: { dtype: "F32", shape, data_offsets: [0, bytes.length] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(index.length));
  return Buffer.concat([length, index, bytes]);
}

// ---- What is judged ----

function byRow({ shape, values }, compute) {
  const n = shape[shape.length - 1];
  const result = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += n) result.set(compute(Array.from(values.subarray(row, row + n))), row);
  return { shape, values: result };
}

const sum = (row) => row.reduce((total, each) => total + each, 0);

function softmax(row) {
  const largest = row.reduce((most, each) => Math.max(most, each), -Infinity);
  const e = row.map((each) => Math.exp(each - largest));
  const total = sum(e);
  return e.map((each) => each / total);
}

function layerNorm(row, gain, bias, epsilon) {
  const mean = sum(row) / row.length;
  const variance = sum(row.map((each) => (each - mean) ** 2)) / row.length;
  return row.map((each, j) => ((each - mean) / Math.sqrt(variance + epsilon)) * gain[j] + bias[j]);
}

const functions = {
  softmax: ({ x }) => byRow(x, softmax),
  layer_norm: ({ x, gain, bias }, { epsilon = 1e-5 }) =>
    byRow(x, (row) => layerNorm(row, gain.values, bias.values, epsilon)),
};

send({ reply: "offer", protocol: 1, name: "rows", package: "rows.js", version: "1.0", device: "cpu", functions: Object.keys(functions) });
for (;;) {
  const { header, tensors } = receive();
  const called = header.request === "call" ? functions[header.function] : undefined;
  if (called) send({ reply: "ok", id: header.id }, blockOf("result", called(tensors, header.options)));
  else send({ reply: "unsupported", id: header.id, message: "it has no such function" });
}
